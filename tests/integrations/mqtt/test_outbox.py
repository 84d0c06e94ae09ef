"""What is sent, in which order, and what never is."""

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kws.integrations.inbox import Arrival
from kws.integrations.mqtt.outbox import WINDOW, Kept, Message, Outbox
from kws.integrations.mqtt.topics import Topics
from kws.protocol.events import (
    AudioBack,
    AudioLost,
    Body,
    Detected,
    Event,
    ReloadRefused,
    StreamEnded,
    StreamStarted,
)
from kws.serving.hub import Hub
from tests.integrations.clock import Clock

TOPICS = Topics("kws", "id")
EXPIRE_S = 10.0
HEARD = Detected("default", 1.0, "yes", 0.9, "model")


@dataclass
class Memory:
    """An archive that forgets at its end."""

    kept: list[Kept] = field(default_factory=list)
    last: int = 0

    def add(self, stream: str | None, text: str) -> None:
        """Keep an event."""
        self.last += 1
        self.kept.append(Kept(self.last, stream, text))

    def after(self, number: int, limit: int) -> list[Kept]:
        """The next ones."""
        return [each for each in self.kept if each.number > number][:limit]

    def remove(self, number: int) -> None:
        """Forget one."""
        self.kept = [each for each in self.kept if each.number != number]


class Desk:
    """An outbox with all that it needs."""

    def __init__(self, *, archive: bool = False) -> None:
        self.clock = Clock()
        self.memory = Memory() if archive else None
        self.outbox = Outbox(TOPICS, EXPIRE_S, self.clock, self.memory)
        self._hub = Hub("run")

    def add(self, body: Body = HEARD) -> Event:
        """Something happens."""
        event = self._hub.publish(body)
        self.outbox.add(Arrival(event, self.clock.now))
        return event

    def send(self) -> list[Message]:
        """All that can be sent now."""
        return list(iter(self.outbox.next, None))

    def deliver(self) -> list[Message]:
        """The same, and the broker has it, to the last message."""
        messages = []
        while sent := self.send():
            for each in sent:
                self.outbox.confirmed(each)
            messages += sent
        return messages


def topics_of(messages: list[Message]) -> list[str]:
    return [each.topic.removeprefix("kws/id/") for each in messages]


def test_nothing_is_sent_without_a_connection() -> None:
    desk = Desk()
    desk.add()
    desk.outbox.set_state("a", "1")
    assert desk.send() == []


def test_a_detection_is_sent_once_with_the_time_that_it_has_left() -> None:
    desk = Desk()
    desk.outbox.begin()
    event = desk.add()
    desk.clock.now = 3.5
    (message,) = desk.send()
    assert (message.topic, message.payload) == ("kws/id/default/detection", event.to_json())
    assert (message.retain, message.expiry_s) == (False, 7)
    assert desk.outbox.counts.delivered == 0
    desk.outbox.confirmed(message)
    desk.outbox.confirmed(message)
    assert desk.outbox.counts.delivered == 1
    assert desk.outbox.idle


def test_what_is_too_old_is_dropped_and_counted() -> None:
    desk = Desk()
    desk.add()
    desk.clock.now = 5.0
    young = desk.add()
    desk.clock.now = 10.0
    desk.outbox.begin()
    (message,) = desk.deliver()
    assert message.payload == young.to_json()
    assert (desk.outbox.counts.expired, desk.outbox.counts.delivered) == (1, 1)


def test_it_is_dropped_while_there_is_no_connection_too() -> None:
    desk = Desk()
    desk.add()
    desk.clock.now = 10.0
    desk.outbox.drop_expired()
    assert desk.outbox.counts.expired == 1


def test_what_was_under_way_is_sent_again_while_it_is_young() -> None:
    desk = Desk()
    desk.outbox.begin()
    first = desk.add()
    desk.send()
    desk.outbox.end()
    second = desk.add()
    desk.outbox.begin()
    assert [each.payload for each in desk.send()] == [first.to_json(), second.to_json()]
    desk.outbox.end()
    desk.clock.now = 10.0
    desk.outbox.begin()
    assert desk.deliver() == []
    assert desk.outbox.counts.expired == 2


def test_states_are_sent_first_and_on_each_connection_again() -> None:
    desk = Desk()
    desk.outbox.set_state("a", "1")
    desk.outbox.set_state("b", "1")
    desk.outbox.set_state("a", "2")
    desk.add()
    for _ in range(2):
        desk.outbox.begin()
        messages = desk.deliver()
        assert [(each.topic, each.payload) for each in messages[:2]] == [("a", "2"), ("b", "1")]
        assert all(each.retain for each in messages[:2])
        desk.outbox.end()
    desk.outbox.begin()
    desk.deliver()
    desk.outbox.set_state("a", "2")
    assert desk.deliver() == []


def test_a_value_that_nobody_has_is_just_forgotten() -> None:
    desk = Desk()
    desk.outbox.set_state("a", "1")
    desk.outbox.set_state("a", "")
    desk.outbox.begin()
    assert desk.deliver() == []
    desk.outbox.set_state("a", "1")
    desk.deliver()
    desk.outbox.set_state("a", "")
    assert [(each.payload, each.retain) for each in desk.deliver()] == [("", True)]
    desk.outbox.end()
    desk.outbox.begin()
    assert desk.deliver() == []


def test_a_value_from_before_is_forgotten_unless_there_is_a_new_one() -> None:
    desk = Desk()
    desk.outbox.forget("kws/id/default/status")
    desk.outbox.forget("kws/id/hall/status")
    lost = desk.add(AudioLost("default", 1.0, "unplugged"))
    desk.outbox.begin()
    sent = [(each.topic, each.payload) for each in desk.deliver()]
    assert sent == [("kws/id/default/status", lost.to_json()), ("kws/id/hall/status", "")]


def test_the_last_status_is_kept_and_an_old_one_never_comes_behind_it() -> None:
    desk = Desk()
    desk.outbox.begin()
    lost = desk.add(AudioLost("default", 1.0, "unplugged"))
    (message,) = desk.send()
    assert (message.topic, message.payload) == ("kws/id/default/status", lost.to_json())
    assert (message.retain, message.expiry_s) == (True, None)
    desk.outbox.end()
    back = desk.add(AudioBack("default", 9.0, 8.0))
    desk.outbox.begin()
    assert [each.payload for each in desk.deliver()] == [back.to_json()]


def test_each_status_comes_while_there_is_a_connection() -> None:
    desk = Desk()
    desk.outbox.begin()
    events = [desk.add(AudioLost("a", 1.0, "x")), desk.add(AudioBack("a", 2.0, 1.0))]
    events.append(desk.add(ReloadRefused("no YAML")))
    messages = desk.deliver()
    assert [each.payload for each in messages] == [each.to_json() for each in events]
    assert topics_of(messages) == ["a/status", "a/status", "status"]


def test_a_stream_that_has_ended_leaves_nothing() -> None:
    desk = Desk()
    desk.outbox.begin()
    desk.add(StreamStarted("hall", 16_000, 1))
    ended = desk.add(StreamEnded("hall", 1.0, "its sender ended it"))
    messages = desk.deliver()
    assert [each.retain for each in messages] == [True, False, True]
    assert [each.payload for each in messages[1:]] == [ended.to_json(), ""]
    desk.outbox.end()
    desk.outbox.begin()
    assert desk.deliver() == []


def test_a_stream_that_ended_while_the_broker_was_away_leaves_nothing() -> None:
    desk = Desk()
    desk.outbox.begin()
    desk.add(StreamStarted("hall", 16_000, 1))
    desk.deliver()
    desk.outbox.end()
    desk.add(StreamEnded("hall", 1.0, "its sender ended it"))
    for number in range(100):
        desk.add(StreamStarted(f"s{number}", 16_000, 1))
        desk.add(StreamEnded(f"s{number}", 1.0, "its sender ended it"))
    desk.outbox.begin()
    assert [(each.topic, each.payload) for each in desk.deliver()] == [("kws/id/hall/status", "")]


def test_so_many_are_under_way_at_a_time() -> None:
    desk = Desk()
    desk.outbox.begin()
    for _ in range(3 * WINDOW):
        desk.add()
    sent = desk.send()
    assert len(sent) == desk.outbox.under_way == WINDOW
    desk.outbox.confirmed(sent[0])
    assert len(desk.send()) == 1


def test_too_many_that_wait_are_counted() -> None:
    desk = Desk()
    for _ in range(1_005):
        desk.add()
    assert desk.outbox.counts.missed == 5


def test_the_archive_comes_late_and_says_so() -> None:
    desk = Desk(archive=True)
    old = desk.add()
    desk.clock.now = 1_000.0
    desk.outbox.begin()
    new = desk.add()
    first, second, third = desk.deliver()
    assert topics_of([first, second, third]) == [
        "default/detection",
        "default/archive",
        "default/archive",
    ]
    assert first.payload == new.to_json()
    assert second.payload == f'{old.to_json()[:-1]},"replayed":true}}'
    assert third.payload == new.to_json()
    counts = desk.outbox.counts
    assert (counts.expired, counts.delivered, counts.archived, counts.replayed) == (1, 1, 2, 1)
    assert desk.memory is not None
    assert desk.memory.kept == []


def test_what_is_new_does_not_wait_behind_the_archive() -> None:
    desk = Desk(archive=True)
    for _ in range(100):
        desk.add()
    desk.clock.now = 1_000.0
    desk.outbox.begin()
    assert len(desk.send()) < WINDOW
    new = desk.add()
    assert desk.send()[0].payload == new.to_json()


def test_what_the_broker_refuses_is_counted_and_not_sent_again() -> None:
    desk = Desk(archive=True)
    desk.outbox.begin()
    desk.add()
    for message in desk.send():
        desk.outbox.confirmed(message, refused=True)
    counts = desk.outbox.counts
    assert (counts.refused, counts.delivered, counts.archived) == (2, 0, 0)
    assert desk.outbox.idle


class Weather(RuleBasedStateMachine):
    """Events, connections that break at any moment, and time: whatever their order."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(archive=True)
        self.came: dict[str, float] = {}
        self.archived: set[str] = set()
        self.under_way: list[Message] = []
        self.connected = False

    @rule(stream=st.sampled_from("ab"))
    def detect(self, stream: str) -> None:
        """A keyword is detected."""
        event = self.desk.add(Detected(stream, 1.0, "yes", 0.9, "m"))
        self.came[event.id] = self.desk.clock.now

    @rule(seconds=st.floats(0, 12))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.desk.clock.now += seconds

    @rule()
    def connect(self) -> None:
        """The broker is there."""
        if not self.connected:
            self.connected = True
            self.desk.outbox.begin()

    @rule()
    def lose(self) -> None:
        """It is gone."""
        if self.connected:
            self.connected = False
            self.under_way = []
            self.desk.outbox.end()

    @rule()
    def send(self) -> None:
        """All that can be sent is."""
        for message in self.desk.send():
            self.under_way.append(message)
            number = next(each for each in self.came if f'"{each}"' in message.payload)
            age = self.desk.clock.now - self.came[number]
            assert message.topic.endswith("archive") or age < EXPIRE_S

    @rule(count=st.integers(0, 20))
    def confirm(self, count: int) -> None:
        """The broker has some of it."""
        for message in self.under_way[:count]:
            self.desk.outbox.confirmed(message)
            if message.topic.endswith("archive"):
                self.archived |= {each for each in self.came if f'"{each}"' in message.payload}
        self.under_way = self.under_way[count:]

    @invariant()
    def nothing_is_missing_in_the_archive(self) -> None:
        """What the broker has not confirmed is kept."""
        assert self.desk.memory is not None
        kept = "".join(each.text for each in self.desk.memory.kept)
        assert all(each in self.archived or f'"{each}"' in kept for each in self.came)

    @invariant()
    def not_too_much_is_under_way(self) -> None:
        """Not more than the broker has to take."""
        assert len(self.under_way) <= WINDOW

    def teardown(self) -> None:
        """In the end the broker has all of it."""
        self.lose()
        self.connect()
        for message in self.desk.deliver():
            self.archived |= {each for each in self.came if f'"{each}"' in message.payload}
        assert self.archived >= set(self.came)
        counts = self.desk.outbox.counts
        assert counts.delivered + counts.expired == len(self.came)
        assert self.desk.outbox.idle


TestWeather = Weather.TestCase

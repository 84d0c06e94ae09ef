"""Where what is heard meets people and programs: rooms and pages, and what they say."""

import re
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from kws.config.schema import Config
from kws.engine.clips import Sounds
from kws.engine.engine import Hearing, Outlets
from kws.engine.listener import thresholds
from kws.engine.scores import Observers
from kws.protocol.codes import AUDIO_PATH, EVENTS_PATH, SCORES_PATH
from kws.protocol.events import Body, Event, encode
from kws.protocol.replies import Hello, Started, Watching
from kws.serving.auth import Access
from kws.serving.hub import Hub
from kws.serving.metrics import Metrics, Standing
from kws.serving.routes import Answer, Document, Page, Pages
from kws.serving.scores import Looking, serve_looker
from kws.serving.sender import Sending, serve_sender
from kws.serving.server import SOUND_LIMIT, Room, Server
from kws.serving.status import SourceState, health, info
from kws.serving.subscriber import Subscribing, serve_subscriber
from kws.serving.website import website

_SOUND = re.compile(r"/events/([^/]+)/audio\.wav")


class Reception:
    """All that clients can ask of a daemon.

    Args:
        hub: whose events.
        access: who may ask.
        config: all settings.

    Attributes:
        outlets: where what is heard has to go.
        server: the port, once it is known what hears.
    """

    def __init__(self, hub: Hub, access: Access, config: Config) -> None:
        self._hub, self._access, self._config = hub, access, config
        self._observers = Observers()
        self._sounds = Sounds(config.server.keep_audio_s, time.monotonic)
        self._metrics = Metrics(self._standing)
        self._started = time.monotonic()
        self.outlets = Outlets(
            self._publish,
            self._observers,
            self._sounds.keep if config.server.keep_audio_s else None,
            self._metrics.inferred,
        )

    def open(
        self,
        hearing: Hearing,
        stalled: Callable[[], str],
        reload: Callable[[], Awaitable[Answer]],
    ) -> Server:
        """The port.

        Args:
            hearing: what hears.
            stalled: why what comes is not heard; empty where it is.
            reload: reads configuration and model again.
        """
        self._hearing, self._stalled = hearing, stalled
        hub, access, queue = self._hub, self._access, self._config.server.queue
        too_slow = self._metrics.closed_slow
        subscribing = Subscribing(hub, access, self._hello, self._keywords, queue, too_slow)
        sending = Sending(
            *(hub, access, hearing.network, self._observers, self._started_message),
            *(queue, too_slow),
        )
        looking = Looking(hub, self._observers, access, hearing.stream.name, self._description)
        rooms = {
            EVENTS_PATH: Room(lambda each: serve_subscriber(each, subscribing), "max_connections"),
            SCORES_PATH: Room(lambda each: serve_looker(each, looking), "max_connections"),
            AUDIO_PATH: Room(lambda each: serve_sender(each, sending), "max_streams", SOUND_LIMIT),
        }
        site: dict[str, Page] = {path: _always(each) for path, each in website().items()}
        told: dict[str, Page] = {
            "/health": self._health,
            "/info": self._info,
            "/metrics": self._metrics.page,
        }
        pages = Pages(
            access,
            rooms,
            {**site, **told},
            # Who supervises the daemon needs no secret, and the page holds none.
            open_pages=("/health", *site),
            actions={"/reload": reload},
            find=self._find,
        )
        seats = {
            name: getattr(self._config.server, name) for name in ("max_connections", "max_streams")
        }
        self._server = Server(rooms, pages, seats)
        return self._server

    def state(self) -> SourceState:
        """How the daemon's own source stands."""
        capture, stream = self._hearing.capture.state, self._hearing.stream
        last = capture.last_audio
        return SourceState(
            stream=stream.name,
            kind=capture.kind,
            name=capture.name,
            live=self._hearing.live,
            audio_format=capture.audio_format,
            reason=capture.reason,
            seconds_since_audio=None if last is None else time.monotonic() - last,
            overflows=capture.overflows,
            losses=capture.losses,
            dropped_samples=stream.dropped_samples,
        )

    def forget_old(self) -> None:
        """Keep no sound for longer than was said; to be called every now and then."""
        self._sounds.forget_old()

    def _publish(self, what: Body) -> Event:
        self._metrics.note(what)
        return self._hub.publish(what)

    def _keywords(self) -> tuple[str, ...]:
        return self._hearing.inference.model.classes

    def _hello(self, seq: int) -> str:
        sources = [self.state(), *self._hearing.network.states()]
        spotter = self._hearing.stream.spotter
        return encode(
            Hello(
                run=self._hub.run,
                seq=seq,
                model=spotter.model.header.name,
                keywords=spotter.model.classes,
                thresholds=thresholds(spotter),
                sources=tuple(each.summary() for each in sources),
            )
        )

    def _started_message(self, stream: str, seq: int) -> str:
        spotter = self._hearing.stream.spotter
        return encode(
            Started(
                run=self._hub.run,
                seq=seq,
                stream=stream,
                model=spotter.model.header.name,
                keywords=spotter.model.classes,
                thresholds=thresholds(spotter),
            )
        )

    def _description(self) -> Watching:
        spotter = self._hearing.stream.spotter
        settings = spotter.model.header.front_end
        return Watching(
            stream=self._hearing.stream.name,
            keywords=spotter.model.classes,
            thresholds=thresholds(spotter),
            release={word: each.release for word, each in spotter.trigger.items()},
            refractory_s={word: each.refractory_s for word, each in spotter.trigger.items()},
            hop_s=spotter.hop_s,
            bands=settings.bands,
            frames_per_hop=spotter.hop_frames,
            low_hz=settings.low_hz,
            high_hz=settings.high_hz,
        )

    def _health(self) -> Answer:
        return health(
            self.state(),
            self._hearing.network.states(),
            run=self._hub.run,
            uptime_s=time.monotonic() - self._started,
            stalled=self._stalled(),
            subscribers=self._server.clients(EVENTS_PATH),
        )

    def _info(self) -> Answer:
        spotter = self._hearing.stream.spotter
        return HTTPStatus.OK, info(
            spotter.model,
            hop_s=spotter.hop_s,
            trigger=spotter.trigger,
            keep_audio_s=self._config.server.keep_audio_s,
        )

    def _standing(self) -> Standing:
        spotter = self._hearing.stream.spotter
        header = spotter.model.header
        return Standing(
            sources=(self.state(), *self._hearing.network.states()),
            hop_samples=round(spotter.hop_s * spotter.model.sample_rate),
            subscribers=self._server.clients(EVENTS_PATH),
            model=header.name,
            architecture=header.architecture,
        )

    def _find(self, path: str) -> Page | None:
        """The sound of an event."""
        match = _SOUND.fullmatch(path)
        sound = self._sounds.get(match[1]) if match else None
        return None if sound is None else _always(Document("audio/wav", sound.to_wav()))


def _always(document: Document) -> Page:
    return lambda: document

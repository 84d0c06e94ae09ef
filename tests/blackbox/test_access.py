"""One port for websocket and HTTP: who gets in, and what others are told."""

import contextlib
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.support.client import HOST, ask, close_code, get, get_json, read_all, receive, subscribe
from tests.support.limits import limit, wait_until
from tests.support.process import DaemonProcess
from tests.support.talker import Talker

SECRET = "open sesame"
WRONG_TOKEN = 4401
CROWD = 1_000
AT_THE_DOOR = 150

Talk = Callable[..., Talker]


def refusal(
    port: int, path: str = "/events", *, host: str = HOST, origin: str | None = None
) -> int:
    """The HTTP status that a websocket's handshake is refused with."""
    with pytest.raises(InvalidStatus) as refused:
        connect(
            f"ws://{host}:{port}{path}",
            sock=socket.create_connection((HOST, port)),
            proxy=None,
            origin=None if origin is None else Origin(origin),
        )
    return refused.value.response.status_code


def test_what_the_pages_say(talker: Talker) -> None:
    talker.say("yes")
    health = get_json(talker.port, "/health")
    assert health["status"] == "ok"
    assert health["seconds_since_audio"] >= 0
    assert health["uptime_s"] > 0
    assert (health["source"]["kind"], health["source"]["stream"]) == ("stdin", "default")
    info = get_json(talker.port, "/info")
    exactly = {
        "model": "SmallCNN",
        "classes": ["yes", "no", "up", "down"],
        "n_classes": 4,
        "device": "cpu",
        "parameters": 1_089_540,
    }
    assert {key: info[key] for key in exactly} == exactly


def test_head_is_get_without_the_text(talker: Talker) -> None:
    status, headers, text = get(talker.port, "/info", method="HEAD")
    assert (status, text) == (200, "")
    assert int(headers["Content-Length"]) > 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/events", 426),
        ("GET", "/audio", 426),
        ("GET", "/scores", 426),
        ("GET", "/events/r-1/audio.wav", 404),
        ("GET", "/index.html", 404),
        ("GET", "/health/", 404),
        ("GET", "/../etc/passwd", 404),
        ("POST", "/health", 405),
        ("DELETE", "/info", 405),
    ],
)
def test_a_request_that_makes_no_sense_here(
    talker: Talker, method: str, path: str, status: int
) -> None:
    assert get(talker.port, path, method=method)[0] == status


def test_a_websocket_where_there_is_none(talker: Talker) -> None:
    assert refusal(talker.port, "/health") == 400
    assert refusal(talker.port, "/nowhere") == 404


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\x01\x00", b"hello\r\n\r\n", bytes(9_000)])
def test_what_is_not_even_http(talker: Talker, sent: bytes) -> None:
    with (
        socket.create_connection((HOST, talker.port), timeout=limit(30)) as line,
        contextlib.suppress(ConnectionError),
    ):
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        assert read_all(line)[:10] in (b"", b"HTTP/1.1 4")
    assert get_json(talker.port, "/health")["status"] in ("ok", "waiting")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "192.168.1.7"])
def test_names_that_a_page_elsewhere_cannot_have(talker: Talker, name: str) -> None:
    assert get(talker.port, "/info", {"Host": f"{name}:{talker.port}"})[0] == 200


@pytest.mark.parametrize("name", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", ""])
def test_a_foreign_name_is_refused(talker: Talker, name: str) -> None:
    for path in ("/info", "/health", "/events"):
        assert get(talker.port, path, {"Host": name})[0] == 403
    if name:
        assert refusal(talker.port, host=name) == 403


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"]
)
def test_a_page_from_elsewhere_is_refused(talker: Talker, origin: str) -> None:
    for path in ("/info", "/health"):
        assert get(talker.port, path, {"Origin": origin})[0] == 403
    assert refusal(talker.port, origin=origin) == 403


def test_a_page_from_here_is_served(talker: Talker) -> None:
    origin = f"http://{HOST}:{talker.port}"
    assert get(talker.port, "/info", {"Origin": origin})[0] == 200
    with subscribe(talker.port, origin=origin) as page:
        assert receive(page)["type"] == "hello"


def test_names_and_pages_that_the_configuration_allows(talk: Talk) -> None:
    daemon = talk(
        *("--set", "server.allowed_hosts=[kitchen.example]"),
        *("--set", "server.allowed_origins=[https://panel.example]"),
    )
    headers = {"Host": "kitchen.example", "Origin": "https://panel.example"}
    assert get(daemon.port, "/info", headers)[0] == 200
    assert get(daemon.port, "/info", headers | {"Origin": "https://other.example"})[0] == 403


@pytest.fixture(scope="module", params=["environment", "file"])
def guarded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Talker]:
    """A daemon that asks for a token."""
    if request.param == "environment":
        daemon = Talker(environment={"KWS_TOKEN": SECRET})
    else:
        file: Path = tmp_path_factory.mktemp("secret") / "token"
        file.write_text(f"{SECRET}\n")
        daemon = Talker("--set", f"server.token_file={file}")
    with daemon:
        yield daemon


def test_without_the_token_only_health_is_open(guarded: Talker) -> None:
    assert get(guarded.port, "/health")[0] == 200
    status, headers, _ = get(guarded.port, "/info")
    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
    assert get(guarded.port, "/info", {"Authorization": "Bearer wrong"})[0] == 401
    assert get(guarded.port, f"/info?token={SECRET.replace(' ', '%20')}")[0] == 401


def test_without_the_token_nobody_learns_what_was_detected(guarded: Talker) -> None:
    [event] = guarded.say("yes")
    answers = {
        get(guarded.port, f"/events/{identity}/audio.wav", headers)[2]
        for identity in (event["id"], f"{event['run']}-999", "nonsense")
        for headers in ({}, {"Authorization": "Bearer wrong"})
    }
    assert answers == {"a token is needed: Authorization: Bearer ...\n"}
    known = ["reason", "seconds_since_audio", "status", "uptime_s"]
    assert sorted(get_json(guarded.port, "/health")) == known
    owner = {"Authorization": f"Bearer {SECRET}"}
    assert event["run"] in get(guarded.port, "/health", owner)[2]


@pytest.mark.parametrize(
    "message",
    [
        '{"token": "wrong"}',
        "{}",
        "nonsense",
        '{"token": null}',
        '{"keywords": ["nonsense"]}',
        "[" * 999,
    ],
)
@pytest.mark.parametrize("path", ["/events", "/scores", "/audio"])
def test_a_wrong_token_is_told_nothing(guarded: Talker, path: str, message: str) -> None:
    with subscribe(guarded.port, path) as connection:
        connection.send(message)
        assert close_code(connection) == (
            WRONG_TOKEN,
            "the token is wrong, or missing in the first message",
        )


def test_with_the_token_all_is_open(guarded: Talker) -> None:
    headers = {"Authorization": f"Bearer {SECRET}"}
    assert get(guarded.port, "/info", headers)[0] == 200
    with (
        subscribe(guarded.port, additional_headers=headers) as by_header,
        subscribe(guarded.port) as by_message,
    ):
        assert receive(by_header)["type"] == "hello"
        assert ask(by_message, token=SECRET, keywords=["yes"])["type"] == "hello"
        assert receive(by_message)["keywords"] == ["yes"]
        events = guarded.say("no", "yes")
        assert [receive(by_header) for _ in events] == events
        assert receive(by_message) == events[1]


@pytest.mark.parametrize("guarded", ["environment"], indirect=True)
def test_a_client_that_sends_no_token_is_refused(guarded: Talker) -> None:
    port = guarded.port
    with (
        socket.create_connection((HOST, port), timeout=limit(30)) as line,
        subscribe(port) as without_token,
    ):
        assert read_all(line) == b""
        assert close_code(without_token)[0] == WRONG_TOKEN


def test_a_server_open_to_other_machines_without_a_token_is_warned_of(
    start: Callable[..., DaemonProcess],
) -> None:
    daemon = start("--source", "/dev/null", "--set", "server.host=0.0.0.0")
    daemon.finish()
    assert "there is no token" in daemon.messages()


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for a crowd of sockets in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CROWD + 500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def is_refused(line: socket.socket) -> bool:
    """Whether the answer is there, and is that there is no place."""
    try:
        return line.recv(13, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"HTTP/1.1 503 "
    except BlockingIOError:
        return False


@pytest.mark.usefixtures("many_files")
def test_too_many_clients_are_refused_and_others_are_not_affected(talk: Talk) -> None:
    places = 5
    daemon = talk(*("--set", f"server.max_connections={places}", "--set", "server.max_streams=0"))
    port = daemon.port
    with ExitStack() as stack:
        good = [stack.enter_context(subscribe(port)) for _ in range(places)]
        for each in good:
            receive(each)
        crowd = []
        for _ in range(CROWD):
            line = stack.enter_context(socket.create_connection((HOST, port), timeout=limit(30)))
            crowd.append(line)
            # No more at a time than wait at the door; the first ones are let in, to see /health.
            if len(crowd) > 2 * AT_THE_DOOR:
                crowd[-AT_THE_DOOR].recv(1, socket.MSG_PEEK)
        assert sum(map(is_refused, crowd)) > CROWD / 2
        events = daemon.say("yes", "no")
        for each in good:
            assert [receive(each) for _ in events] == events
    wait_until(lambda: get(port, "/health")[0] == 200, "there is room again")
    assert daemon.stop() == 0
    assert len(daemon.all_stderr()) < CROWD / 2  # nor can a crowd fill the disk


def test_a_client_above_the_limit_gets_a_reason(talk: Talk) -> None:
    daemon = talk("--set", "server.max_connections=1")
    with subscribe(daemon.port) as good:
        receive(good)
        assert [refusal(daemon.port) for _ in range(50)] == [503] * 50
        # Who supervises the daemon is not shut out.
        assert get_json(daemon.port, "/health")["subscribers"] == 1
    wait_until(lambda: get_json(daemon.port, "/health")["subscribers"] == 0, "the place is free")
    with subscribe(daemon.port) as next_one:
        assert receive(next_one)["type"] == "hello"

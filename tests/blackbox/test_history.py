"""A history that survives: restarts, kills, a broken disk; by websocket, HTTP and command."""

import csv
import http.client
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.protocol.test_schema import check
from tests.support.client import HOST, ask, get, get_json, receive, subscribe
from tests.support.limits import TIMEOUT, limit, wait_until
from tests.support.process import DaemonProcess, Message, json_lines, run_kws
from tests.support.talker import Talker

TOKEN = "open sesame"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
KEEP = ("--set", "history.days=7")
KILLS = 3

Start = Callable[..., DaemonProcess]
Talk = Callable[..., Talker]


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """Variables of a daemon with a folder of its own."""
    return {"KWS_STATE__FOLDER": str(tmp_path / "state")}


def history(port: int, query: str = "") -> list[Message]:
    """The events of GET /history."""
    events: list[Message] = get_json(port, f"/history{query}")["events"]
    return events


def replayed(port: int, run: str, seq: int) -> tuple[Message, list[Message]]:
    """What a subscriber gets that has missed all after an event."""
    with subscribe(port) as subscriber:
        receive(subscriber)
        reply = ask(subscriber, after={"run": run, "seq": seq})
        return reply["replay"], [receive(subscriber) for _ in range(reply["replay"]["events"])]


def test_a_restart_forgets_nothing(talk: Talk, state: dict[str, str]) -> None:
    first = talk(*KEEP, environment=state)
    before = first.say("yes", "no", "down")
    first.end_input()
    assert first.finish() == 0
    second = talk(*KEEP, environment=state)
    (after,) = second.say("yes")
    run = before[0]["run"]
    assert after["run"] != run
    replay, events = replayed(second.port, run, 1)
    assert (replay, events) == ({"events": 3, "complete": True}, [*before[1:], after])
    assert replayed(second.port, "unknown", 1) == ({"events": 0, "complete": False}, [])
    wait_until(lambda: len(history(second.port)) == 4, "the last one is written")
    assert history(second.port) == [{**each, "not_a_word": False} for each in [*before, after]]
    third_run = history(second.port, "?type=detection&limit=1")
    assert [each["id"] for each in third_run] == [before[0]["id"]]


def test_killed_it_has_lost_nothing_that_was_written(start: Start, state: dict[str, str]) -> None:
    seen = dict[str, Message]()
    for _ in range(KILLS):
        daemon = start("--source", "demo", *KEEP, environment=state)
        daemon.events(2)
        for each in history(daemon.port):
            seen[each["id"]] = each
        daemon.process.kill()
        daemon.process.wait(limit(TIMEOUT))
    assert len({each["run"] for each in seen.values()}) >= KILLS - 1
    daemon = start("--source", "demo", *KEEP, environment=state)
    found = {each["id"]: each for each in history(daemon.port)}
    assert seen.items() <= found.items()
    first = next(iter(found.values()))
    replay, events = replayed(daemon.port, first["run"], 0)
    # The killed runs may have had more than was written.
    assert replay["complete"] is False
    assert [each["id"] for each in events][: len(found)] == list(found)


def test_a_folder_that_cannot_be_written_costs_the_history_only(
    talk: Talk, state: dict[str, str]
) -> None:
    Path(state["KWS_STATE__FOLDER"]).touch()
    daemon = talk(*KEEP, environment=state)
    assert [each["keyword"] for each in daemon.say("yes", "no")] == ["yes", "no"]
    status, _, text = get(daemon.port, "/history")
    assert (status, "history: " in json.loads(text)["reason"]) == (503, True)
    assert daemon.log_count("cannot be written") == 1
    assert get_json(daemon.port, "/health")["status"] == "ok"
    daemon.end_input()
    assert daemon.finish() == 0


def test_without_it_there_is_none_and_no_folder(talker: Talker) -> None:
    status, _, text = get(talker.port, "/history")
    assert (status, json.loads(text)["reason"]) == (404, "no history is kept (history.days is 0)")


def post(port: int, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection(HOST, port, timeout=limit(TIMEOUT))
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_marks_pages_and_the_command(talk: Talk, state: dict[str, str]) -> None:
    daemon = talk(*KEEP, environment={**state, "KWS_TOKEN": TOKEN})
    port = daemon.port
    events = daemon.say("yes", "no")
    assert get(port, "/history")[0] == 401
    assert get(port, "/history", {**BEARER, "Origin": "https://evil.example"})[0] == 403
    assert get(port, "/history?days=1", BEARER)[0] == 400
    assert get(port, "/history?since=yesterday", BEARER)[0] == 400
    assert get(port, "/history", BEARER, method="POST")[0] == 405
    wait_until(lambda: len(pages(port)) == 2, "both are written")
    check(json.loads(get(port, "/history", BEARER)[2]), "history")
    path, yes = f"/events/{events[1]['id']}/mark", b'{"not_a_word": true}'
    assert post(port, path, yes, {})[0] == 403
    assert post(port, path, yes, {**BEARER, "Origin": "https://evil.example"})[0] == 403
    assert post(port, path, b"{}", BEARER)[0] == 400
    assert post(port, "/events/r-1/mark", yes, BEARER)[0] == 404
    status, text = post(port, path, yes, BEARER)
    assert (status, json.loads(text)) == (200, {"id": events[1]["id"], "not_a_word": True})
    assert [each["not_a_word"] for each in pages(port)] == [False, True]

    command = ("history", "--url", f"http://{HOST}:{port}", "--since", "1h")
    token = {"KWS_TOKEN": TOKEN}
    lines = run_kws(*command, environment=token)
    assert (lines.returncode, lines.stderr) == (0, "")
    assert json_lines(lines.stdout) == pages(port)
    table = run_kws(*command, "--format", "csv", environment=token)
    rows = list(csv.DictReader(io.StringIO(table.stdout)))
    assert [(each["keyword"], each["not_a_word"]) for each in rows] == [("yes", "0"), ("no", "1")]
    assert [each["id"] for each in rows] == [each["id"] for each in events]
    nothing = run_kws(*command, "--until", "2001-01-01", environment=token)
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert run_kws("history", "--since", "someday").returncode == 2
    file = Path(state["KWS_STATE__FOLDER"]) / "history.sqlite"
    assert json_lines(run_kws("history", "--file", str(file)).stdout) == pages(port)
    missing = run_kws("history", "--file", str(file) + ".nowhere")
    assert (missing.returncode, "nowhere: " in missing.stderr) == (1, True)


def pages(port: int) -> list[Message]:
    status, _, text = get(port, "/history", BEARER)
    assert status == 200, text
    events: list[Message] = json.loads(text)["events"]
    return events

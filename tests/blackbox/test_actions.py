"""A daemon whose detections run commands and call webhooks."""

import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path

from kws.integrations.actions.webhook import SIGNATURE_HEADER, TIME_HEADER
from tests.integrations.actions.receiver import Receiver
from tests.support.client import get
from tests.support.limits import wait_until
from tests.support.process import DaemonProcess, run_kws

TOKEN = {"Authorization": "Bearer hidden"}


def write(path: Path, config: object) -> Path:
    path.write_text(json.dumps(config))  # JSON is YAML
    return path


def test_the_demo_starts_what_its_words_are_to_start(
    start: Callable[..., DaemonProcess], tmp_path: Path
) -> None:
    every, own, secret = tmp_path / "every", tmp_path / "own", tmp_path / "secret"
    secret.write_text("open-sesame\n")
    with Receiver() as receiver:
        config = {
            "actions": {"run": ["sh", "-c", f"cat >> {every}"], "secret_file": str(secret)},
            "keywords": {
                "no": {
                    "run": ["sh", "-c", f'echo "$KWS_KEYWORD $KWS_ID $KWS_TOKEN" >> {own}'],
                    "webhook": receiver.url,
                }
            },
        }
        file = write(tmp_path / "config.yaml", config)
        daemon = start(
            *("--source", "demo", "--config", str(file)), environment={"KWS_TOKEN": "hidden"}
        )
        events = [each for each in daemon.events(6) if each["type"] == "detection"]
        expected = [each for each in events if each["keyword"] == "no"]
        assert expected
        wait_until(lambda: len(receiver.requests) >= len(expected), "its webhooks")
        wait_until(
            lambda: own.exists() and len(own.read_text().splitlines()) >= len(expected), "no"
        )
        wait_until(lambda: len(every.read_text().splitlines()) >= len(events), "every command")
        _, _, metrics = get(daemon.port, "/metrics", TOKEN)
        assert 'kws_integration_events_total{integration="actions",outcome="done"}' in metrics
        (state,) = json.loads(get(daemon.port, "/health", TOKEN)[2])["integrations"]
        assert (state["name"], state["connected"]) == ("actions", True)
        assert receiver.url not in json.dumps(state)
        requests = receiver.requests[: len(expected)]
    commands = [json.loads(line) for line in every.read_text().splitlines()]
    by_id = {each["id"]: each for each in commands}
    assert [by_id[each["id"]] for each in events] == events
    # In the order of the words, and without the daemon's token.
    assert own.read_text().splitlines()[: len(expected)] == [f"no {e['id']} " for e in expected]
    for _, headers, body in requests:
        assert json.loads(body) in expected
        signed = hmac.new(
            b"open-sesame", f"{headers[TIME_HEADER]}.".encode() + body, hashlib.sha256
        )
        assert headers[SIGNATURE_HEADER] == f"sha256={signed.hexdigest()}"


def test_a_command_that_hangs_holds_up_neither_events_nor_the_end(
    start: Callable[..., DaemonProcess], tmp_path: Path
) -> None:
    config = {"actions": {"run": ["sleep", "1000"], "timeout_s": 600, "at_once": 1}}
    file = write(tmp_path / "config.yaml", config)
    daemon = start("--source", "demo", "--config", str(file))
    daemon.events(4)
    assert daemon.stop() == 0


def test_check_names_an_action_that_cannot_be(tmp_path: Path) -> None:
    file = write(tmp_path / "config.yaml", {"keywords": {"yes": {"run": ["no-such-program"]}}})
    done = run_kws("check", "--config", str(file))
    assert done.returncode == 2
    assert f"{file}: keywords.yes.run: 'no-such-program' is no program" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_says_how_many_there_are(tmp_path: Path) -> None:
    config = {"actions": {"run": ["true"]}, "keywords": {"yes": {"run": ["true"]}}}
    done = run_kws("check", "--config", str(write(tmp_path / "config.yaml", config)))
    assert done.returncode == 0
    assert "actions: 2" in done.stdout

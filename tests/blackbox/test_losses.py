"""A microphone that goes, hangs, moves or falls silent under a running daemon, and comes back."""

import json
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.audio_servers import MICROPHONE, OTHER, AudioServer, PulseAudio
from tests.support.client import close_code, get, receive, subscribe
from tests.support.limits import wait_until
from tests.support.microphones import need
from tests.support.process import DaemonProcess, Message, json_lines, wait_for_exit

HUNG = 6
"""Exit code."""
SOURCE = {"PULSE_SOURCE": f"{MICROPHONE}.monitor"}

Start = Callable[..., DaemonProcess]
Server = Callable[[], AudioServer]


def health(daemon: DaemonProcess) -> Message:
    """What `/health` says, whatever its status, and that status."""
    status, _, body = get(daemon.port, "/health")[:3]
    page: Message = json.loads(body)
    return page | {"code": status}


def wait_for_health(daemon: DaemonProcess, status: str) -> Message:
    """What `/health` says when it has come to this status."""
    wait_until(lambda: health(daemon)["status"] == status, f"/health says {status}")
    return health(daemon)


def speak(server: AudioServer, daemon: DaemonProcess, word: Path, expected: int) -> None:
    """Speak until that many words have been detected in all."""
    player = server.play(word)
    assert wait_for_exit(player) == 0

    def reached(lines: list[str]) -> bool:
        return sum('"detection"' in line for line in lines) >= expected

    daemon.wait_for_lines(reached)


def begin(start: Start, server: AudioServer, *arguments: str) -> DaemonProcess:
    """A daemon that listens to the server's microphone, and no other."""
    daemon = start(
        "--device",
        "pulse",
        "--set",
        "audio.lost_after_s=2",
        *arguments,
        environment=server.environment | SOURCE,
    )
    wait_for_health(daemon, "ok")
    return daemon


def has_opened(daemon: DaemonProcess, times: int) -> bool:
    """Whether its microphone was opened so often, and delivers, be it silence."""
    opened = daemon.log_count("is open") >= times
    return opened and health(daemon)["seconds_since_audio"] < 0.3


def assert_one_loss(daemon: DaemonProcess, reason: str) -> None:
    """A word before, a loss, its end, a word after; nothing invented, nothing twice."""
    assert daemon.stop() == 0
    events = [each for each in daemon.all_events() if each.get("status") != "samples-dropped"]
    kinds = [each.get("keyword") or each["status"] for each in events]
    assert kinds == ["yes", "audio-lost", "audio-back", "yes"]
    assert reason in events[1]["reason"]
    assert events[2]["seconds"] > 0
    assert "Traceback" not in daemon.messages()


def test_a_server_that_is_killed_and_restarted(
    start: Start, server: AudioServer, word: Path
) -> None:
    daemon = begin(start, server)
    speak(server, daemon, word, 1)
    server.kill()
    lost = wait_for_health(daemon, "lost")
    assert lost["code"] == 503
    assert lost["reason"]
    later = lost["seconds_since_audio"] + 0.2
    wait_until(lambda: health(daemon)["seconds_since_audio"] > later, "time goes by")
    server.start()
    found = wait_for_health(daemon, "ok")
    assert (found["code"], found["reason"], found["source"]["losses"]) == (200, None, 1)
    speak(server, daemon, word, 2)
    assert_one_loss(daemon, "stopped delivering")


@pytest.mark.parametrize("others", [False, True], ids=["alone", "beside another"])
def test_a_microphone_that_is_unplugged_and_plugged_in_again(
    start: Start, server: AudioServer, word: Path, others: bool
) -> None:
    """Servers move us to another one, after a pause that we notice or to one that is silent."""
    if others:
        server.add(OTHER)
    daemon = begin(start, server, "--set", "audio.silent_after_s=8")
    speak(server, daemon, word, 1)
    server.remove(MICROPHONE)
    lost = wait_for_health(daemon, "lost")
    assert lost["source"]["losses"] >= 1
    server.add(MICROPHONE)
    wait_until(lambda: has_opened(daemon, 2), "it is open again")
    speak(server, daemon, word, 2)
    assert_one_loss(daemon, "microphone 'Monitor of ")


def test_a_pause_of_the_server_leaves_no_old_sound(
    start: Start, server: AudioServer, word: Path
) -> None:
    daemon = begin(start, server, "--set", "audio.lost_after_s=15")
    speak(server, daemon, word, 1)
    server.freeze()
    wait_until(lambda: health(daemon)["seconds_since_audio"] > 2, "the server hangs")
    server.thaw()
    wait_until(lambda: health(daemon)["source"]["losses"] == 1, "the pause is noticed")
    wait_for_health(daemon, "ok")
    speak(server, daemon, word, 2)
    assert_one_loss(daemon, "paused for")


def test_a_server_that_hangs_ends_the_daemon_for_its_supervisor(
    start: Start, server: AudioServer
) -> None:
    daemon = begin(start, server)
    with subscribe(daemon.port) as subscriber:
        receive(subscriber)
        server.freeze()
        assert receive(subscriber)["status"] == "audio-lost"
        assert health(daemon)["status"] == "lost"
        assert close_code(subscriber)[0] == 1001
    assert daemon.finish() == HUNG
    assert "its server hangs" in daemon.messages()
    assert "Traceback" not in daemon.messages()
    server.thaw()


def test_a_stopping_daemon_does_not_wait_for_a_hung_server(
    start: Start, server: AudioServer
) -> None:
    daemon = begin(start, server, "--set", "audio.lost_after_s=15")
    server.freeze()
    wait_until(lambda: health(daemon)["seconds_since_audio"] > 0.5, "the server hangs")
    assert daemon.stop(signal.SIGTERM) == 0
    assert "Traceback" not in daemon.messages()
    server.thaw()


def test_digital_silence_is_reported_and_ends_with_the_first_sound(
    start: Start, server: AudioServer, word: Path
) -> None:
    daemon = begin(start, server, "--set", "audio.silent_after_s=8")
    speak(server, daemon, word, 1)
    lost = wait_for_health(daemon, "lost")
    assert lost["code"] == 503
    assert "digital silence" in lost["reason"]
    wait_until(lambda: has_opened(daemon, 2), "it is reopened")
    assert health(daemon)["status"] == "lost"
    speak(server, daemon, word, 2)
    assert_one_loss(daemon, "digital silence")


def test_a_microphone_that_is_plugged_in_later(
    start: Start, server: AudioServer, word: Path
) -> None:
    server.kill()
    daemon = start("--device", "pulse", environment=server.environment | SOURCE)
    assert daemon.ready()["sample_rate"] is None
    lost = wait_for_health(daemon, "lost")
    assert (lost["code"], lost["seconds_since_audio"]) == (503, None)
    with subscribe(daemon.port) as subscriber:
        receive(subscriber)
        server.start()
        assert receive(subscriber)["status"] == "audio-back"
    wait_for_health(daemon, "ok")
    speak(server, daemon, word, 1)
    assert daemon.stop() == 0
    kinds = [each.get("keyword") or each["status"] for each in daemon.all_events()]
    assert kinds == ["audio-lost", "audio-back", "yes"]


def test_an_error_in_the_callback_is_a_loss_like_any_other(
    start: Start, stack: ExitStack, word: Path, tmp_path: Path
) -> None:
    need("pulseaudio")
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="kws-")))
    server = stack.enter_context(PulseAudio(folder))
    fault = tmp_path / "fault"
    fault.mkdir()
    trigger = tmp_path / "now"
    (fault / "sitecustomize.py").write_text(
        f"""
import pathlib
from kws.audio.microphone import Microphone

trigger, take = pathlib.Path({str(trigger)!r}), Microphone._take

def failing(self, *arguments):
    if trigger.exists():
        trigger.unlink()
        raise ZeroDivisionError("a mistake of ours")
    take(self, *arguments)

Microphone._take = failing
"""
    )
    server.environment["PYTHONPATH"] = str(fault)
    daemon = begin(start, server)
    speak(server, daemon, word, 1)
    trigger.touch()
    wait_until(lambda: health(daemon)["source"]["losses"] == 1, "the error is noticed")
    wait_for_health(daemon, "ok")
    speak(server, daemon, word, 2)
    assert_one_loss(daemon, "a mistake of ours")


def test_libraries_do_not_break_a_log_for_machines(start: Start, server: AudioServer) -> None:
    """PortAudio and ALSA write to standard error what they think of a loss."""
    daemon = begin(start, server)
    server.kill()
    wait_for_health(daemon, "lost")
    assert daemon.stop() == 0
    json_lines("\n".join(daemon.all_stderr()))

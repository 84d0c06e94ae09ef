"""The sources of a sound server, chosen and named as the microphones that they are."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.audio_servers import MICROPHONE, OTHER, AudioServer, PipeWire
from tests.support.client import get, get_json
from tests.support.limits import TIMEOUT, limit, wait_until
from tests.support.microphones import need
from tests.support.process import DaemonProcess, Lines, Message, run_kws, started, wait_for_exit

KEY = f"{MICROPHONE}.monitor"
HEADSET = "Zoës-Kopfhörer"
NO_MICROPHONE = 4
"""Exit code."""

Start = Callable[..., DaemonProcess]


@pytest.fixture
def server(server: AudioServer) -> AudioServer:
    """One whose default source is another than the microphone."""
    server.add(OTHER, HEADSET)
    server.make_default(OTHER)
    return server


def health(daemon: DaemonProcess) -> Message:
    """What `/health` says, whatever its status."""
    page: Message = json.loads(get(daemon.port, "/health")[2])
    return page


def begin(start: Start, environment: dict[str, str], device: str) -> DaemonProcess:
    """A daemon that hears a source."""
    daemon = start("--device", device, environment=environment)
    wait_until(lambda: health(daemon)["status"] == "ok", "sound comes in")
    return daemon


def name_of(daemon: DaemonProcess) -> str:
    """The source's, as `/health` says."""
    name: str = health(daemon)["source"]["name"]
    return name


def listed(server: AudioServer, *arguments: str) -> list[list[str]]:
    """Mark, name and keys of each device that `kws devices` prints."""
    done = run_kws("devices", *arguments, environment=server.environment)
    assert done.returncode == 0, done.stderr
    rows = list[list[str]]()
    for line in done.stdout.splitlines()[1:]:
        if line.startswith("    also: "):
            rows[-1] += line.removeprefix("    also: ").split(", ")
        else:
            rows.append([line[0], line[2:].split(",")[0]])
    return rows


def test_they_are_listed_and_chosen_by_name_and_key(server: AudioServer) -> None:
    rows = [row for row in listed(server) if len(row) > 2]
    by_key = {row[2]: row[1] for row in rows}
    assert HEADSET in by_key[f"{OTHER}.monitor"]
    for wanted, key in ((KEY, KEY), (by_key[KEY], KEY), ("zoës", f"{OTHER}.monitor")):
        [chosen] = [row for row in listed(server, "--device", wanted) if row[0] == "*"]
        assert chosen[1:] == [by_key[key], key]


def test_those_with_the_same_name_are_numbered_and_have_keys(server: AudioServer) -> None:
    server.add("third", HEADSET)
    rows = [row for row in listed(server) if len(row) > 2 and HEADSET in row[1]]
    first, second = (row[1] for row in rows)
    assert second == f"{first} #2"
    for name, key in ((row[1], row[2]) for row in rows):
        for wanted in (name, key):
            done = run_kws("devices", "--device", wanted, environment=server.environment)
            [line] = [line for line in done.stdout.splitlines() if line.startswith("*")]
            assert line[2:].startswith(f"{name},")
            # The first is called as both are.
            assert (f"fits {second!r}" in done.stderr) == (wanted == first)


def test_it_is_heard_and_named_and_comes_back(
    start: Start, server: AudioServer, word: Path
) -> None:
    daemon = begin(start, server.environment, KEY)
    name = name_of(daemon)
    assert name not in ("pulse", "default", KEY)
    daemon.logged(lambda line: line["message"].startswith(f"microphone {name!r} is open"))
    assert wait_for_exit(server.play(word)) == 0
    assert daemon.events(1)[0]["keyword"] == "yes"
    server.remove(MICROPHONE)
    wait_until(lambda: health(daemon)["status"] == "lost", "the loss is noticed")
    wait_until(lambda: f"{KEY!r}" in health(daemon)["reason"], "it is not there")
    assert HEADSET in health(daemon)["reason"]  # what there is
    server.add(MICROPHONE)
    wait_until(lambda: health(daemon)["status"] == "ok", "it is back")
    assert name_of(daemon) == name
    assert wait_for_exit(server.play(word)) == 0
    events = daemon.events(4)
    assert [each.get("keyword") or each["status"] for each in events] == [
        *("yes", "audio-lost", "audio-back", "yes")
    ]
    assert daemon.stop() == 0
    assert "Traceback" not in daemon.messages()


def test_the_default_is_named_and_followed(start: Start, server: AudioServer) -> None:
    names = {row[2]: row[1] for row in listed(server) if len(row) > 2}
    daemon = begin(start, server.environment, "pulse")
    ready = daemon.logged(lambda line: "listening to" in line["message"])
    assert HEADSET in ready["message"]
    assert name_of(daemon) == names[f"{OTHER}.monitor"]
    server.make_default(MICROPHONE)
    # A server may pause while it moves us, which counts as a loss.
    wait_until(
        lambda: name_of(daemon) == names[KEY] and health(daemon)["status"] == "ok",
        "it has another name",
    )


def test_another_channel_or_device_is_gone_over_to_by_a_reload(
    start: Start, server: AudioServer, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"

    def reload(audio: str) -> None:
        config.write_text(f"audio: {{source: microphone, {audio}}}\n")
        daemon.process.send_signal(signal.SIGHUP)

    config.write_text(f"audio: {{source: microphone, device: {KEY}}}\n")
    daemon = start("--config", str(config), environment=server.environment)
    wait_until(lambda: health(daemon)["status"] == "ok", "sound comes in")
    name = name_of(daemon)
    reload(f"device: {KEY}, channel: 1")
    refused = f"audio.channel: 1, but microphone {name!r} has 1, counted from 0"
    wait_until(lambda: refused in (health(daemon)["reason"] or ""), "the channel is not there")
    reload(f"device: {KEY}, channel: 0")
    wait_until(lambda: health(daemon)["status"] == "ok", "the channel is there")
    assert name_of(daemon) == name
    reload(f"device: {OTHER}.monitor")
    wait_until(lambda: HEADSET in name_of(daemon), "another device is heard")
    assert daemon.stop() == 0


def test_the_meter_and_the_sender_know_the_same_names(
    start: Start, stack: ExitStack, server: AudioServer, word: Path
) -> None:
    meter = stack.enter_context(
        started("devices", "--meter", "--device", KEY, environment=server.environment)
    )
    stack.callback(meter.kill)
    daemon = start("--source", "network")
    to = ("--url", f"ws://127.0.0.1:{daemon.port}/audio")
    sender = stack.enter_context(
        started("send", "--microphone", "--device", KEY, *to, environment=server.environment)
    )
    stack.callback(sender.kill)
    assert meter.stdout is not None
    assert sender.stdout is not None
    levels, events = Lines(meter.stdout), Lines(sender.stdout)
    wait_until(lambda: bool(get_json(daemon.port, "/health")["streams"]), "it is sent")
    levels.first(1)
    server.play(word)
    levels.find(lambda line: "[yes]" in line)
    events.find(lambda line: '"keyword":"yes"' in line)
    for process in (meter, sender):
        process.send_signal(signal.SIGINT)


def test_without_pulseaudio_they_are_chosen_through_pipewire(
    start: Start, stack: ExitStack, tmp_path: Path
) -> None:
    need("pipewire", "wireplumber", "pipewire-pulse", "dbus-daemon", "pw-dump", "pw-link")
    if not any(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pipewire.so")):
        no_pipewire_plugin()
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="kws-")))
    server = stack.enter_context(PipeWire(folder))
    server.add(OTHER)
    for name in (MICROPHONE, OTHER):
        server.add_source(f"of-{name}", name)
    # As the package `pipewire-alsa` does, which cannot be installed beside PulseAudio.
    (folder / ".asoundrc").write_text("pcm.pipewire { type pipewire hint { show on } }\n")
    (tmp_path / "pw-dump").symlink_to(shutil.which("pw-dump") or "")
    environment = server.environment | {"PATH": str(tmp_path)}  # without pactl
    for name in (MICROPHONE, OTHER):
        daemon = begin(start, environment, f"of-{name}")
        links = subprocess.run(
            ["pw-link", "-l"],
            env=os.environ | server.environment,
            capture_output=True,
            text=True,
            timeout=limit(TIMEOUT),
            check=True,
        )
        recorded = links.stdout.partition("\nALSA Capture:")[2]
        assert f"of-{name}:" in recorded.partition("\n")[2].split("\n")[0]
        assert daemon.stop() == 0


def no_pipewire_plugin() -> None:
    """Skip without ALSA's plugin for PipeWire; in CI, fail."""
    reason = "not installed: the files of pipewire-alsa in alsa-lib (see .ci/run)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def test_a_name_that_is_not_there_lists_those_that_are(server: AudioServer) -> None:
    done = run_kws("devices", "--device", "Wolpertinger", environment=server.environment)
    assert done.returncode == NO_MICROPHONE
    assert "'Wolpertinger'" in done.stderr
    assert HEADSET in done.stderr

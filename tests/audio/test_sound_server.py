"""What the tools of sound servers print; the tools themselves run in `tests/blackbox`."""

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.audio import sound_server
from kws.audio.sound_server import (
    ServerSource,
    default_pulse_source,
    parse_nodes,
    parse_recording,
    parse_sources,
    pulse_source_of,
    pulse_sources,
)
from kws.errors import HungError

SOURCES = """Source #3
\tState: RUNNING
\tName: bluez_input.AA_BB_CC_DD_EE_FF.0
\tDescription: Zoë's Kopfhörer: links
\tDriver: module-bluez5-device.c
\tSample Specification: s16le 1ch 16000Hz
\tProperties:
\t\tdevice.description = "Another"
\t\tdevice.serial = "Name: x"
\tFormats:
\t\tpcm

Source #7
\tState: IDLE
\tName: alsa_output.pci-0000_00_1f.3.analog-stereo.monitor
\tDescription: (null)
\tSample Specification: float32le 2ch 48000Hz
"""
HEADSET = ServerSource("bluez_input.AA_BB_CC_DD_EE_FF.0", "Zoë's Kopfhörer: links", 16_000, 1)
MONITOR_KEY = "alsa_output.pci-0000_00_1f.3.analog-stereo.monitor"
OUTPUTS = """Source Output #12
\tDriver: protocol-native.c
\tSource: 7
\tProperties:
\t\tapplication.process.id = "41"

Source Output #13
\tSource: 3
\tProperties:
\t\tapplication.process.id = "42"
"""
MOVING = OUTPUTS.replace("Source: 3", "Source: n/a")


def test_pulseaudio_sources() -> None:
    monitor = ServerSource(MONITOR_KEY, MONITOR_KEY, 48_000, 2)
    assert list(parse_sources(SOURCES)) == [(3, HEADSET), (7, monitor)]


def test_the_source_that_a_process_records() -> None:
    assert parse_recording(OUTPUTS, 42, "here") == 3
    assert parse_recording(OUTPUTS, 43, "here") is None
    assert parse_recording(MOVING, 42, "here") is None


def test_a_process_with_the_same_id_in_a_container_is_another() -> None:
    there = OUTPUTS.replace('.id = "41"', '.id = "42"\n\t\tapplication.process.host = "there"')
    assert parse_recording(there, 42, "here") == 3
    # Both may be meant, as with containers that have the network of their host.
    assert parse_recording(there, 42, "there") is None


def test_pipewire_sources() -> None:
    def node(kind: str, **properties: str) -> dict[str, object]:
        return {"info": {"props": {"media.class": kind, **properties}}}

    headset = {"node.name": "bluez_input.AA", "node.description": "Kopfhörer"}
    dump = [
        node("Audio/Source", **headset),
        node("Audio/Source/Virtual", **{"node.name": "cleaned"}),
        node("Audio/Sink", **{"node.name": "speaker"}),
        node("Audio/Source"),
        {"info": None},
        {},
        7,
    ]
    expected = [ServerSource("bluez_input.AA", "Kopfhörer"), ServerSource("cleaned", "cleaned")]
    assert parse_nodes(json.dumps(dump)) == expected


@pytest.mark.parametrize("text", ["", "no JSON", "{}", "null"])
def test_a_dump_without_nodes(text: str) -> None:
    assert parse_nodes(text) == []


@given(st.text(alphabet=st.sampled_from('Source #1\n\t:NameDescription 0chHz"=')))
def test_no_text_breaks_the_parsers(text: str) -> None:
    list(parse_sources(text))
    parse_recording(text, 1, "here")
    assert parse_nodes(text) == []


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only one where tools are."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PULSE_SOURCE", raising=False)
    return tmp_path


def tool(folder: Path, script: str) -> None:
    """Put a `pactl` there."""
    path = folder / "pactl"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_without_the_tool_there_are_no_sources(tools: Path) -> None:
    assert list(tools.iterdir()) == []
    assert pulse_sources() == []
    assert pulse_source_of(1) is None
    assert default_pulse_source() == ""


def test_without_a_server_there_are_none_either(tools: Path) -> None:
    tool(tools, "echo 'Connection refused' >&2; exit 1")
    assert pulse_sources() == []


def test_the_default_source(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tools, "echo 'Server Name: x'; echo 'Default Source: some.monitor'")
    assert default_pulse_source() == "some.monitor"
    monkeypatch.setenv("PULSE_SOURCE", "another")
    assert default_pulse_source() == "another"


def test_a_server_that_does_not_answer_hangs(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_server, "_TOOL_SECONDS", 0.05)
    tool(tools, "while :; do :; done")
    with pytest.raises(HungError, match="pactl list sources"):
        pulse_sources()

"""From the configuration to a source: what "auto" chooses."""

import socket
from pathlib import Path

import pytest

from kws.audio.file import Recording
from kws.audio.source import make_source, resolve_auto
from kws.config.schema import AudioConfig

AUTO = AudioConfig(source="auto")


def chosen(
    tmp_path: Path, *, server: str = "", piped: bool = False, cards: tuple[str, ...] = ()
) -> tuple[str, str]:
    """The source and the device."""
    sound_cards = tmp_path / "snd"
    sound_cards.mkdir()
    for card in cards:
        (sound_cards / card).touch()
    audio = resolve_auto(AUTO, {"PULSE_SERVER": server}, piped=piped, sound_cards=sound_cards)
    return audio.source, audio.device


@pytest.fixture
def pulse(tmp_path: Path) -> str:
    path = tmp_path / "native"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    return f"unix:{path}"


def test_the_network_is_chosen_where_there_is_nothing_else(tmp_path: Path) -> None:
    absent = f"unix:{tmp_path / 'native'}"
    only_speakers = ("controlC0", "pcmC0D0p", "timer")
    assert chosen(tmp_path, server=absent, cards=only_speakers) == ("network", "")


def test_a_microphone_in_the_container_is_taken(tmp_path: Path) -> None:
    assert chosen(tmp_path, cards=("pcmC0D0p", "pcmC1D0c")) == ("microphone", "")


def test_an_audio_server_comes_before_the_device_that_it_holds(tmp_path: Path, pulse: str) -> None:
    assert chosen(tmp_path, server=pulse, cards=("pcmC1D0c",)) == ("microphone", "pulse")


def test_a_pipe_on_standard_input_is_chosen(tmp_path: Path, pulse: str) -> None:
    assert chosen(tmp_path, server=pulse, piped=True) == ("-", "")


def test_a_configured_device_is_never_left(tmp_path: Path, pulse: str) -> None:
    audio = resolve_auto(
        AudioConfig(source="auto", device="usb"),
        {"PULSE_SERVER": pulse},
        piped=True,
        sound_cards=tmp_path,
    )
    assert (audio.source, audio.device) == ("microphone", "usb")


def test_demo_if_no_microphone_chooses_the_microphone(tmp_path: Path) -> None:
    audio = resolve_auto(AUTO, {}, demo_if_no_microphone=True, piped=True, sound_cards=tmp_path)
    assert (audio.source, audio.device) == ("microphone", "")


def test_any_other_source_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for source in ("microphone", "demo", "network", "-", "words.wav"):
        audio = AudioConfig(source=source)
        assert resolve_auto(audio, {}, piped=True, sound_cards=tmp_path) is audio
    assert not caplog.records


def test_what_was_chosen_is_logged_with_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    resolve_auto(AUTO, {}, piped=True, sound_cards=tmp_path)
    assert caplog.messages == ["audio.source: -, because standard input is a pipe"]


def test_any_other_name_is_a_file() -> None:
    assert isinstance(make_source(AudioConfig(source="./auto"), 16_000), Recording)

"""Which device a name means."""

import pytest

from kws.audio.device import Device, choose_device
from kws.errors import DeviceError, NoMicrophoneError


def device(name: str, index: int, *, default: bool = False) -> Device:
    return Device(index, name, "ALSA", 48_000, 2, default)


DEVICES = [
    device("USB Audio: one", 3),
    device("HDA Intel", 4, default=True),
    device("pulse-extra", 5),
    device("pulse", 6),
]


@pytest.mark.parametrize(
    ("name", "index"), [("", 4), ("usb", 3), ("Intel", 4), ("pulse", 6), ("pulse-", 5), ("u", 3)]
)
def test_a_part_of_the_name_is_enough(name: str, index: int) -> None:
    assert choose_device(DEVICES, name).device.index == index


def test_without_a_default_the_first_is_taken() -> None:
    assert choose_device(DEVICES[:1], "").device.index == 3


def test_a_device_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(DeviceError, match=r"'jabra'.*audio\.device.*'USB Audio: one'") as caught:
        choose_device(DEVICES, "jabra")
    assert not isinstance(caught.value, NoMicrophoneError)


def test_no_device_at_all_is_no_microphone() -> None:
    with pytest.raises(NoMicrophoneError, match="no audio input device"):
        choose_device([], "jabra")

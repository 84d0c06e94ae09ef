"""Which device a name means."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.audio.device import Device, choose_device, numbered
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


CARDS = [
    replace(device("USB Audio: - (hw:1,0)", 1), keys=("hw:1,0", "hw:CARD=Device,DEV=0", "pci-1")),
    replace(device("USB Audio: - (hw:2,0)", 2), keys=("hw:2,0", "hw:CARD=Device_1,DEV=0", "pci-2")),
    replace(device("USB Audio: #1 (hw:2,1)", 3), keys=("hw:2,1", "hw:CARD=Device_1,DEV=1")),
    replace(device("Headset", 9), keys=("bluez_input.AA_BB",)),
    replace(device("Headset #2", 9), keys=("bluez_input.CC_DD",)),
]


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        *((key, card) for card in CARDS for key in (*card.keys, card.keys[0].upper())),
        ("plughw:CARD=Device_1,DEV=0", CARDS[1]),
        ("sysdefault:CARD=Device", CARDS[0]),
        ("plughw:2,1", CARDS[2]),
        ("hw:2", CARDS[1]),
        ("hw:Device_1,1", CARDS[2]),
        ("dsnoop:CARD=Device,DEV=0", CARDS[0]),
        ("headset #2", CARDS[4]),
        ("bluez_input.CC", CARDS[4]),
        *((card.name, card) for card in CARDS[:3]),
    ],
)
def test_a_key_or_a_name_of_alsa_fits_one_only(name: str, taken: Device) -> None:
    choice = choose_device(CARDS, name)
    assert (choice.device, choice.others) == (taken, ())


@pytest.mark.parametrize(
    ("name", "fits"),
    [("usb audio", CARDS[:3]), ("Headset", CARDS[3:]), ("bluez_input", CARDS[3:])],
)
def test_of_several_that_fit_one_is_taken_and_all_are_told(name: str, fits: list[Device]) -> None:
    choice = choose_device(CARDS, name)
    assert [choice.device, *choice.others] == fits
    told = choice.told(name)
    assert f"{name!r} is taken to be {fits[0].name!r}" in told
    assert all(repr(each.name) in told for each in fits[1:])


def test_a_card_of_alsa_that_is_not_there_is_no_other_one() -> None:
    with pytest.raises(DeviceError, match="plughw:CARD=Gone"):
        choose_device(CARDS, "plughw:CARD=Gone,DEV=0")


@given(st.lists(st.sampled_from(["a", "b", "a #2", "a #3", "a #2 #2"])))
def test_numbering_gives_each_a_name_that_finds_it(names: list[str]) -> None:
    devices = numbered([device(name, index) for index, name in enumerate(names)])
    assert len({each.name for each in devices}) == len(names)
    for name, each in zip(names, devices, strict=True):
        assert each.name == name or each.name.startswith(f"{name} #")
        assert choose_device(devices, each.name).device == each

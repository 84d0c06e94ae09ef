"""The names of a sound card that survive a reboot."""

from pathlib import Path

import pytest

from kws.audio.sound_card import card_keys

BY_ID = "usb-BLUE_MICROPHONE_Blue_Snowball_201306-00"
BY_PATH = ("pci-0000:00:14.0-usb-0:1:1.0", "pci-0000:00:14.0-usb-0:2:1.0")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """/proc and /dev of a machine with two microphones of one kind, of which udev names one."""
    for card, (identity, path) in enumerate(zip(("Device", "Device_1"), BY_PATH, strict=True), 1):
        asound = tmp_path / f"proc/asound/card{card}"
        asound.mkdir(parents=True)
        (asound / "id").write_text(f"{identity}\n")
        link = tmp_path / "dev/snd/by-path" / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"../controlC{card}")
    by_id = tmp_path / "dev/snd/by-id" / BY_ID
    by_id.parent.mkdir()
    by_id.symlink_to("../controlC2")
    return tmp_path


def test_each_has_its_names(root: Path) -> None:
    first = card_keys("USB PnP Sound Device: Audio (hw:1,0)", root)
    assert first == ("hw:1,0", "hw:CARD=Device,DEV=0", BY_PATH[0])
    second = card_keys("USB PnP Sound Device: Audio (hw:2,0)", root)
    assert second == ("hw:2,0", "hw:CARD=Device_1,DEV=0", BY_ID, BY_PATH[1])


def test_the_second_device_of_a_card_is_told_from_the_first(root: Path) -> None:
    keys = card_keys("USB PnP Sound Device: Audio #1 (hw:1,1)", root)
    assert keys == ("hw:1,1", "hw:CARD=Device,DEV=1", f"{BY_PATH[0]},DEV=1")


@pytest.mark.parametrize("name", ["pulse", "hw:1,0", "Built-in Microphone", "x (hw:1,0) y"])
def test_what_is_no_hardware_of_alsa_has_none(root: Path, name: str) -> None:
    assert card_keys(name, root) == ()


def test_where_the_system_says_nothing_the_number_is_left(tmp_path: Path) -> None:
    assert card_keys("USB Audio: - (hw:1,0)", tmp_path) == ("hw:1,0",)

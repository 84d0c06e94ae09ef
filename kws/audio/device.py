"""Input devices, and which one a name means."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kws.errors import DeviceError, NoMicrophoneError

_ALSA_NAME = re.compile(
    r"(?:plughw|hw|sysdefault|default|dsnoop|front):"
    r"(?:CARD=)?(?P<card>[A-Za-z0-9_-]+)(?:,(?:DEV=)?(?P<number>[0-9]+))?",
    re.IGNORECASE,
)
"""As `arecord -L` prints it, and as people write it; the first group is a card's number or id."""


@dataclass(frozen=True)
class Device:
    """An input device that PortAudio opens.

    Attributes:
        index: PortAudio's number of it; changes when devices come and go.
        name: as PortAudio or the sound server spells it; " #2" is added to the second of a name.
        host_api: ALSA, Core Audio, PulseAudio, ...
        native_rate: samples per second that the device prefers.
        channels: the most it offers.
        default: whether it is the system's default input.
        keys: its other names, which do not depend on `index`.
        environment: variables that have to be set while it is opened.
    """

    index: int
    name: str
    host_api: str
    native_rate: int
    channels: int
    default: bool
    keys: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Choice:
    """What a name means.

    Attributes:
        device: the one that is taken.
        others: what the name fits as well.
    """

    device: Device
    others: tuple[Device, ...] = ()

    def told(self, wanted: str) -> str:
        """Which device is taken for a name that fits several, for people."""
        others = ", ".join(repr(device.name) for device in self.others)
        return (
            f"audio.device {wanted!r} is taken to be {self.device.name!r}; it also fits {others}: "
            "`kws devices` shows the names that fit one only"
        )


def numbered(devices: Sequence[Device]) -> list[Device]:
    """The same devices, each with a name of its own: the second of a name gets " #2"."""
    names = {device.name for device in devices}
    given = set[str]()
    result = []
    for device in devices:
        name, number = device.name, 1
        while name in given or (number > 1 and name in names):
            number += 1
            name = f"{device.name} #{number}"
        given.add(name)
        result.append(replace(device, name=name))
    return result


def choose_device(devices: Sequence[Device], name: str) -> Choice:
    """The device that a name means, or the default one where it is empty.

    The first of these that fits something, in any case: the whole of a key, the whole of a name, a
    name of ALSA such as "plughw:CARD=Device,DEV=0", a part of a name, a part of a key.

    Args:
        devices: all there are.
        name: what the user wrote.

    Raises:
        NoMicrophoneError: there is no device at all.
        DeviceError: there is none that fits.
    """
    if not devices:
        wanted = f" {name!r}" if name else ""
        raise NoMicrophoneError(
            f"no microphone{wanted}: this machine has no audio input device that this user may use"
        )
    if not name:
        return Choice(next((device for device in devices if device.default), devices[0]))
    matching = _matching(devices, name.casefold())
    if not matching:
        known = ", ".join(repr(device.name) for device in devices)
        raise DeviceError(
            f"no microphone has {name!r} in its name (audio.device); there are: {known}"
        )
    return Choice(matching[0], tuple(matching[1:]))


def _matching(devices: Sequence[Device], wanted: str) -> list[Device]:
    keys = [(device, [key.casefold() for key in device.keys]) for device in devices]
    whole_key = [device for device, names in keys if wanted in names]
    whole_name = [device for device in devices if device.name.casefold() == wanted]
    if whole_name:
        # It may be the first of several that are called the same.
        again = re.compile(re.escape(wanted) + r" #[0-9]+")
        whole_name += [device for device in devices if again.fullmatch(device.name.casefold())]
    alsa = alsa_device(wanted)
    of_alsa = [device for device, names in keys if alsa and not alsa.isdisjoint(names)]
    part_of_name = [device for device in devices if wanted in device.name.casefold()]
    part_of_key = [device for device, names in keys if any(wanted in key for key in names)]
    tiers = (whole_key, whole_name, of_alsa, part_of_name, part_of_key)
    return next((tier for tier in tiers if tier), [])


def alsa_device(name: str) -> set[str]:
    """The keys of the hardware that a name of ALSA means; empty where it is no such name."""
    if (parts := _ALSA_NAME.fullmatch(name)) is None:
        return set()
    card, number = parts["card"], parts["number"] or "0"
    return {f"hw:{card},{number}".casefold(), f"hw:card={card},dev={number}".casefold()}

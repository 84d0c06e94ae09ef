"""The names that Linux has for a sound card beside its number, which changes with each reboot."""

import re
from pathlib import Path

_NUMBERS = re.compile(r"\(hw:(?P<card>[0-9]+),(?P<device>[0-9]+)\)$")
"""At the end of PortAudio's name of an ALSA device."""


def card_keys(name: str, root: Path = Path("/")) -> tuple[str, ...]:
    """Names of the hardware behind an ALSA device; those that survive a reboot come last.

    These are ALSA's ("hw:1,0" by its number, "hw:CARD=Device,DEV=0" by its id), that of its kind
    and serial number (/dev/snd/by-id), and that of the place where it is plugged in
    (/dev/snd/by-path). The second device of a card has ",DEV=1" after the last two.

    Args:
        name: PortAudio's, as "USB Audio: - (hw:1,0)".
        root: folder of /dev and /proc.

    Returns:
        Empty where it is no hardware of ALSA's.
    """
    if (numbers := _NUMBERS.search(name)) is None:
        return ()
    card, device = numbers["card"], numbers["device"]
    keys = [f"hw:{card},{device}"]
    try:
        identity = (root / f"proc/asound/card{card}/id").read_text(errors="replace").strip()
    except OSError:  # a container may have /dev/snd without it
        identity = ""
    if identity:
        keys.append(f"hw:CARD={identity},DEV={device}")
    suffix = "" if device == "0" else f",DEV={device}"
    for folder in ("by-id", "by-path"):
        links = sorted((root / "dev/snd" / folder).glob("*"))
        keys += [
            f"{link.name}{suffix}"
            for link in links
            if link.is_symlink() and link.readlink().name == f"controlC{card}"
        ]
    return tuple(keys)

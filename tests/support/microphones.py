"""What a microphone made of software needs."""

import ctypes.util
import os
import shutil

import pytest


def need(*commands: str) -> None:
    """Skip where this machine cannot have a microphone made of software; in CI, fail."""
    missing = [name for name in (*commands, "pactl", "paplay") if shutil.which(name) is None]
    if ctypes.util.find_library("portaudio") is None:
        missing.append("libportaudio2")
    if not missing:
        return
    reason = f"not installed: {', '.join(missing)}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)

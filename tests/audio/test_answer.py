"""What the audio system answers, and what is said where it does not."""

import os
import threading
from pathlib import Path

import pytest

from kws.audio.answer import answer_without_loop
from kws.errors import DeviceError, HungError

SHORT = 0.02


def refused() -> None:
    raise DeviceError("no")


def test_it_gives_what_the_call_gives() -> None:
    assert answer_without_loop(lambda: 5) == 5
    with pytest.raises(DeviceError, match="no"):
        answer_without_loop(refused)


@pytest.mark.parametrize("locked", [False, True])
def test_what_hangs_is_named_and_what_may_hold_it(
    locked: bool, gate: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kws.audio.answer._SHARED_MEMORY", tmp_path)
    lock = tmp_path / f"jack_db-{os.getuid()}"
    if locked:
        lock.mkdir()
    with pytest.raises(
        HungError, match=r"has not answered for 0\.02 s: its server hangs"
    ) as raised:
        answer_without_loop(gate.wait, SHORT)
    assert (f"JACK locked: end what uses sound, then rm -r {lock}" in str(raised.value)) is locked

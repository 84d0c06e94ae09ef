"""Room for connections, as far as the system allows."""

import resource

import pytest

from kws.daemon.descriptors import make_room

INFINITE = resource.RLIM_INFINITY


class System:
    """A system with a limit of descriptors; `forbids`: it cannot be raised."""

    def __init__(self, soft: int, hard: int, *, forbids: bool = False) -> None:
        self.limits = (soft, hard)
        self._forbids = forbids

    def getrlimit(self, _: int) -> tuple[int, int]:
        """The limit."""
        return self.limits

    def setrlimit(self, _: int, limits: tuple[int, int]) -> None:
        """Change it."""
        if self._forbids:
            raise PermissionError
        self.limits = limits


@pytest.mark.parametrize(
    ("soft", "hard", "forbids", "room"),
    [
        (1_024, 4_096, False, range(200, 201)),
        (INFINITE, INFINITE, False, range(200, 201)),
        (64, 4_096, False, range(200, 201)),
        (64, INFINITE, False, range(200, 201)),
        (64, 4_096, True, range(2, 64)),
        (200, 200, False, range(2, 170)),
        (16, 16, False, range(2, 3)),
    ],
)
def test_room(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, forbids: bool, room: range
) -> None:
    system = System(soft, hard, forbids=forbids)
    for name in ("getrlimit", "setrlimit"):
        monkeypatch.setattr(resource, name, getattr(system, name))
    assert make_room(200) in room
    assert system.limits[1] == hard
    assert system.limits[0] == soft or (soft < system.limits[0] and not forbids)

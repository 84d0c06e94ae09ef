"""Where a service's files belong, and what it could not see there. Pure but for looking."""

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kws.config.paths import CONFIG_NAME, MACHINE_FOLDER, user_folder
from kws.errors import ServiceError

_HIDDEN = {
    Path("/home"): "a home, which the service cannot see",
    Path("/root"): "a home, which the service cannot see",
    Path("/run/user"): "a user's session, which the service cannot see",
    Path("/tmp"): "a folder of which the service has one of its own",
    Path("/var/tmp"): "a folder of which the service has one of its own",
}
"""What ProtectHome and PrivateTmp keep from the system's service."""


@dataclass(frozen=True)
class Layout:
    """The files of a service.

    Attributes:
        template: name of its unit below `kws/systemd`.
        unit: where systemd looks for it.
        folder: of configuration, environment and models.
        user: whether it is a user's, not the system's.
    """

    template: str
    unit: Path
    folder: Path
    user: bool

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.folder / CONFIG_NAME

    @property
    def environment(self) -> Path:
        """Variables of the service, such as secrets."""
        return self.folder / "environment"


def system_layout(root: Path = Path("/")) -> Layout:
    """That of a service of the whole machine.

    Args:
        root: what to take for the root of the file system.
    """
    return Layout(
        template="kws.service",
        unit=below(root, Path("/etc/systemd/system/kws.service")),
        folder=below(root, MACHINE_FOLDER),
        user=False,
    )


def user_layout(environment: Mapping[str, str], root: Path = Path("/")) -> Layout:
    """That of a user's own service.

    Args:
        environment: of the user.
        root: what to take for the root of the file system.

    Raises:
        ServiceError: the user has no home.
    """
    folder = user_folder(environment)
    if folder is None:
        raise ServiceError("HOME is not set, so it is not clear whose service this is to be")
    return Layout(
        template="user/kws.service",
        unit=below(root, folder.parent / "systemd/user/kws.service"),
        folder=below(root, folder),
        user=True,
    )


def below(root: Path, path: Path) -> Path:
    """An absolute path, as seen from another root."""
    return root / path.relative_to("/")


def why_unseen(paths: Iterable[Path]) -> str:
    """Why the system's service, which runs as a user of its own, cannot use a path; empty: it can.

    Args:
        paths: absolute ones, that it needs.
    """
    for path in paths:
        for each in (path.resolve(), path):
            for folder, reason in _HIDDEN.items():
                if each.is_relative_to(folder):
                    return f"{each} is in {reason}"
            for part in (each, *each.parents):
                if not _open_to_all(part):
                    return f"{part} is not open to all users"
    return ""


def _open_to_all(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    needed = stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH
    return bool(mode & needed)

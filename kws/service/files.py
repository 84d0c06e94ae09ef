"""Puts a service's files where they belong, and takes them away again; says what it did."""

import logging
import os
from importlib import resources
from pathlib import Path

from kws.errors import ServiceError
from kws.service.layout import Layout

log = logging.getLogger(__name__)

_PROGRAM = "/opt/kws/bin/kws"
"""What stands in the units for the program."""
_ENVIRONMENT = """\
# Variables of the kws service, a NAME=value a line; only its owner may read this file.
# After a change: systemctl {user}restart kws
#
# A secret that every client has to know:
#KWS_TOKEN=
# Any key of the configuration:
#KWS_SERVER__PORT=8000
"""


def put_files(layout: Layout, program: Path) -> None:
    """Write what is not there yet, and bring the unit up to date.

    Args:
        layout: where to.
        program: the kws that the service runs.

    Raises:
        ServiceError: something cannot be written.
    """
    try:
        _put(layout.unit, unit_text(layout, program))
        _put_once(layout.config, _packaged("config.yaml"), 0o644)
        text = _ENVIRONMENT.format(user="--user " if layout.user else "")
        _put_once(layout.environment, text, 0o600)
    except OSError as error:
        raise _refused(error, layout) from error


def remove_files(layout: Layout) -> None:
    """Remove the unit, and keep what people wrote.

    Raises:
        ServiceError: it cannot be removed.
    """
    try:
        layout.unit.unlink()
        log.info("removed %s", layout.unit)
    except FileNotFoundError:
        log.info("%s is not there: nothing to remove", layout.unit)
    except OSError as error:
        raise _refused(error, layout) from error
    if layout.folder.exists():
        log.info("kept your files in %s", layout.folder)


def unit_text(layout: Layout, program: Path) -> str:
    """The unit, for a program."""
    return _packaged(f"systemd/{layout.template}").replace(
        f"ExecStart={_PROGRAM}", f"ExecStart={_quoted(program)}"
    )


def _put(path: Path, text: str) -> None:
    before = path.read_text(encoding="utf-8") if path.exists() else None
    if before == text:
        log.info("unchanged: %s", path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, text, 0o644)
    log.info("created %s" if before is None else "updated %s", path)


def _put_once(path: Path, text: str, mode: int) -> None:
    if path.exists():
        log.info("kept yours: %s", path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, text, mode)
    log.info("created %s", path)


def _write(path: Path, text: str, mode: int) -> None:
    """A whole file or none; secrets are at no time open to others."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchmod(descriptor, mode)
    partial.replace(path)


def _packaged(name: str) -> str:
    return (resources.files("kws") / name).read_text(encoding="utf-8")


def _quoted(program: Path) -> str:
    """As systemd.service(5) wants a path that may hold anything."""
    text = str(program).replace("%", "%%")
    if not any(letter in text for letter in " \t\"'\\"):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _refused(error: OSError, layout: Layout) -> ServiceError:
    advice = ""
    if isinstance(error, PermissionError) and not layout.user:
        advice = (
            "; the system's service is installed as root (sudo), one of your own by: "
            "kws install-service --user"
        )
    return ServiceError(f"{error.filename}: {error.strerror}{advice}")

"""Where configuration and models are found: folders of the user, the machine and the package."""

import contextlib
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from kws.errors import ModelError

MACHINE_FOLDER = Path("/etc/kws")
CONFIG_NAME = "config.yaml"
DEFAULT_MODEL = "yes-no-up-down"
_MODELS = "models"
_SUFFIXES = (".onnx", ".pt")
"""Of model files; those of kws 0.1 end in .pt."""


def path_of(text: str) -> Path:
    """A path as people write it: `~` at its beginning is the user's home, where there is one."""
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:  # there is no such user, or no home
        return path


def user_folder(environment: Mapping[str, str]) -> Path | None:
    """The user's own folder: ~/.config/kws, or below XDG_CONFIG_HOME; None without a home."""
    base, home = environment.get("XDG_CONFIG_HOME", ""), environment.get("HOME", "")
    # The XDG specification wants relative paths to be ignored.
    if base.startswith("/"):
        return Path(base) / "kws"
    return Path(home) / ".config" / "kws" if home else None


def state_folder(configured: str, environment: Mapping[str, str]) -> Path | None:
    """Where a daemon keeps what has to survive a restart; it need not exist.

    Args:
        configured: `state.folder`; empty for the service's (STATE_DIRECTORY, as systemd sets it),
            else the user's: ~/.local/state/kws, or below XDG_STATE_HOME.
        environment: variables.

    Returns:
        None where there is none, as without a home.
    """
    if configured:
        return path_of(configured)
    if service := environment.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(service)
    base, home = environment.get("XDG_STATE_HOME", ""), environment.get("HOME", "")
    if base.startswith("/"):
        return Path(base) / "kws"
    return Path(home) / ".local" / "state" / "kws" if home else None


def config_file(environment: Mapping[str, str]) -> Path | None:
    """The user's configuration, else the machine's; None where there is neither."""
    files = (folder / CONFIG_NAME for folder in _config_folders(environment))
    return next(filter(_is_file, files), None)


def model_folders(environment: Mapping[str, str]) -> list[Path]:
    """Folders that are searched for models by name, in this order; they need not exist.

    The user's, the machine's, and those of a service's state (STATE_DIRECTORY, as systemd sets
    it, may hold several).
    """
    state = environment.get("STATE_DIRECTORY", "").split(":")
    folders = [*_config_folders(environment), *map(Path, filter(None, state))]
    return [folder / _MODELS for folder in folders]


def bundled_models() -> dict[str, Path]:
    """Model files that come with the package, by name."""
    return _bundled(_MODELS)


def bundled_verifiers() -> dict[str, Path]:
    """Files of verifiers that come with the package, by name."""
    return _bundled(f"{_MODELS}/verifiers")


def _bundled(folder: str) -> dict[str, Path]:
    found = (Path(str(resources.files("kws"))) / folder).glob("*.onnx")
    return {path.stem: path for path in found}


def find_model(name: str | Path) -> Path:
    """The file of a model.

    Args:
        name: a path, relative to the working directory; or the name of a model: NAME.onnx, or
            NAME.pt as kws 0.1 wrote it, in one of `model_folders`; or a bundled one.

    Raises:
        ModelError: there is no such file.
    """
    path = path_of(str(name))
    try:
        if path.is_file():
            return path
    except OSError as error:
        raise ModelError(f"model {str(name)!r} cannot be read: {error}") from error
    bundled = bundled_models()
    folders = model_folders(os.environ)
    if os.sep not in str(name):
        for file in (folder / f"{name}{suffix}" for folder in folders for suffix in _SUFFIXES):
            if _is_file(file):
                return file
        if str(name) in bundled:
            return bundled[str(name)]
    if path.is_dir():
        raise ModelError(f"model {str(name)!r} is a folder; name a model file in it")
    raise ModelError(
        f"model {str(name)!r} not found: neither a file, nor in {', '.join(map(str, folders))}, "
        f"nor a bundled model (bundled: {', '.join(sorted(bundled)) or 'none'})"
    )


def _config_folders(environment: Mapping[str, str]) -> list[Path]:
    own = user_folder(environment)
    return [MACHINE_FOLDER] if own is None else [own, MACHINE_FOLDER]


def _is_file(path: Path) -> bool:
    """Whether it is a file; False where permission to find out is missing."""
    with contextlib.suppress(OSError, ValueError):
        return path.is_file()
    return False

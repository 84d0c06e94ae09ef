"""Packages that are installed for the weights that they bring, not to be imported."""

from importlib.util import find_spec
from pathlib import Path

from kws.errors import ConfigError


def package_folder(name: str, missing: str) -> Path:
    """Where an installed package is.

    Args:
        name: as it would be imported.
        missing: what to tell a user who has to install it.

    Raises:
        ConfigError: it is not installed.
    """
    found = find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise ConfigError(missing)
    return Path(found.submodule_search_locations[0])

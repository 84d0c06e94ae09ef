"""The files of a service come along with the package, wherever it is installed."""

import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_the_package_names_each_of_them() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["kws"]
    package = REPOSITORY / "kws"
    named = {path for pattern in patterns for path in package.glob(pattern)}
    units = {package / "systemd" / path for path in ("kws.service", "user/kws.service")}
    assert units | {package / "config.yaml"} <= named


def test_they_are_those_of_the_repository() -> None:
    for name in ("config.yaml", "systemd/kws.service", "systemd/user/kws.service"):
        assert (REPOSITORY / "kws" / name).samefile(REPOSITORY / name)

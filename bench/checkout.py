"""Which kws is measured: a checkout, the interpreter that runs it, and its settings."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

OWN_FOLDER = Path(__file__).parent.parent.resolve()


@dataclass(frozen=True)
class Checkout:
    """A checkout of kws.

    Attributes:
        name: for tables.
        folder: that holds the package `kws`; commands run in it, so that its `kws` is imported.
        python: interpreter, with what this kws needs.
        settings: of the configuration, as KEY=VALUE.
    """

    name: str
    folder: Path
    python: str = sys.executable
    settings: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `DIR` or `DIR,KEY=VALUE,...`; the interpreter is that of DIR/.venv, else this one.

        Raises:
            argparse.ArgumentTypeError: there is no kws in the folder, or a setting is none.
        """
        name, *settings = text.split(",")
        folder = Path(name).resolve()
        if not (folder / "kws" / "__main__.py").is_file():
            raise argparse.ArgumentTypeError(f"{name}: no checkout of kws (no kws/__main__.py)")
        if wrong := [each for each in settings if "=" not in each]:
            raise argparse.ArgumentTypeError(f"{wrong[0]!r}: write a setting as KEY=VALUE")
        own = folder / ".venv" / "bin" / "python"
        python = str(own) if own.exists() else sys.executable
        return cls(text, folder, python, tuple(settings))

    def command(self, *arguments: str) -> list[str]:
        """A command of this kws, with its settings; to be run in `folder`."""
        overrides = [word for each in self.settings for word in ("--set", each)]
        return [self.python, "-m", "kws", *arguments, *overrides]


OWN = Checkout("this checkout", OWN_FOLDER)

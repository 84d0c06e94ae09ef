"""Words and sentences for synthesisers to speak, beside those that a dictionary gives."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.config.load import convert
from kws.config.yaml12 import read_yaml

PATH = Path(__file__).with_name("texts.yaml")
COMMON = 0.6
"""How often a keyword stands in a sentence of its own, where it has some."""


@dataclass(frozen=True)
class Texts:
    """What is in `texts.yaml`.

    Attributes:
        interjections: words that people say alone, as they say commands.
        everyday: other single words.
        sentences: without keywords, with names of slots in braces.
        around: sentences that have a place for any keyword.
        common: for some keywords, sentences of their own.
        slots: what may stand for each name.
    """

    interjections: tuple[str, ...]
    everyday: tuple[str, ...]
    sentences: tuple[str, ...]
    around: tuple[str, ...]
    common: dict[str, tuple[str, ...]]
    slots: dict[str, tuple[str, ...]]

    def sentence(self, draw: np.random.Generator) -> str:
        """A sentence without the ten words of the bundled models."""
        return self._filled(_one(self.sentences, draw), draw)

    def sentence_around(self, keyword: str, draw: np.random.Generator) -> str:
        """A sentence with a keyword inside it, where it is no command."""
        common = self.common.get(keyword, ())
        template = _one(common if common and draw.random() < COMMON else self.around, draw)
        return self._filled(template.replace("{keyword}", keyword), draw)

    def _filled(self, template: str, draw: np.random.Generator) -> str:
        filled = re.sub(r"\{(\w+)\}", lambda slot: _one(self.slots[slot[1]], draw), template)
        return filled[0].upper() + filled[1:]


def read_texts(path: Path = PATH) -> Texts:
    """Read the texts.

    Raises:
        ConfigError: the file is damaged.
    """
    return convert(read_yaml(path), Texts, str(path))


def _one(choice: tuple[str, ...], draw: np.random.Generator) -> str:
    return choice[int(draw.integers(len(choice)))]

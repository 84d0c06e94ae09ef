"""Clips that exist as log-mel images only, without a waveform."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, overload

import numpy as np
import numpy.typing as npt

from kws.errors import ConfigError
from kws.spotting.frontend import FrontEndSettings, hertz_to_mel, mel_filters, mel_to_hertz
from train.data.clips import SPLITS, Split, indices_by
from train.data.paths import Indices
from train.data.samples import loud_span

Power = npt.NDArray[np.float32]
"""Mel power, shape (frames, bands)."""
UPDATES = 3_000
"""Steps after which the map between bands has settled."""
GREY_PER_NEPER, GREY_OFFSET = 10.0, 146.0
"""A grey level is 10 ln(mel power) + 146."""


@dataclass(frozen=True, eq=False)
class FeatureClip:
    """A word as an image.

    Attributes:
        image: ln mel power as floats or as grey levels in uint8, shape (frames, bands).
        word: what is said.
        split: the side that the speaker is on.
        bands: what turns its bands into the model's, if it has others: see `band_map`.
        high_hz: highest frequency that it shows, if that is less than the front end's.
    """

    image: npt.NDArray[Any]
    word: str
    split: Split
    bands: Power | None = None
    high_hz: float = np.inf

    @property
    def power(self) -> Power:
        """Mel power."""
        values = self.image.astype(np.float32)
        if self.image.dtype == np.uint8:
            values = (values - GREY_OFFSET) / GREY_PER_NEPER
        power: Power = np.exp(values)
        return power if self.bands is None else power @ self.bands


@dataclass(frozen=True, eq=False)
class FeatureClips(Sequence[FeatureClip]):
    """The images of a file, which stays on the disk: only what is drawn is read.

    Attributes:
        path: the file, an array of shape (images, frames, bands).
        row: where in it each clip is, shape (n,).
        words: what is said in each, shape (n,).
        side: index in `SPLITS` of the side that each one's speaker is on, shape (n,).
        bands: as of each clip.
        high_hz: as of each clip.
    """

    path: Path
    row: Indices
    words: npt.NDArray[np.str_]
    side: npt.NDArray[np.uint8]
    bands: Power | None = None
    high_hz: float = np.inf

    @cached_property
    def _images(self) -> npt.NDArray[Any]:
        images: npt.NDArray[Any] = np.load(self.path, mmap_mode="r")
        return images

    def __getstate__(self) -> dict[str, Any]:
        # A memory map would be pickled with all that it maps.
        return {name: value for name, value in self.__dict__.items() if name != "_images"}

    def __len__(self) -> int:
        return len(self.row)

    @overload
    def __getitem__(self, index: int) -> FeatureClip: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> FeatureClip | Self:
        if isinstance(index, slice):
            return self.take(index)
        image = self._images[self.row[index]]
        side = SPLITS[int(self.side[index])]
        return FeatureClip(image, str(self.words[index]), side, self.bands, self.high_hz)

    def take(self, indices: Indices | slice) -> Self:
        """Some of them, in the order of `indices`."""
        return replace(
            self, row=self.row[indices], words=self.words[indices], side=self.side[indices]
        )

    def by_word(self) -> Mapping[str, Indices]:
        """Which clips hold each word, words in alphabetical order."""
        return indices_by(self.words)


def band_map(source: FrontEndSettings, target: FrontEndSettings) -> Power:
    """What turns mel power in the bands of one front end into that in those of another.

    Returns:
        Weights of shape (source bands, target bands), not negative, that bring the source's
        filters nearest to the target's, by multiplicative updates (Lee and Seung, Nature 401,
        1999). Bands above the source's highest frequency get nothing.
    """
    covered = np.fft.rfftfreq(source.fft_length, 1 / source.sample_rate) <= source.high_hz
    have, want = mel_filters(source)[covered], mel_filters(target)[covered]
    weights = np.full((source.bands, target.bands), 1e-3)
    for _ in range(UPDATES):
        weights *= (have.T @ want) / np.maximum(1e-12, have.T @ (have @ weights))
    weights[:, band_centres(target) > source.high_hz] = 0.0
    return weights.astype(np.float32)


def feature_clips(
    path: Path, settings: FrontEndSettings, high_hz: float | None = None
) -> FeatureClips:
    """The clips of `NAME.npy`, described by the lines of `NAME.csv` beside it.

    The array has shape (clips, frames, bands) and holds ln mel power as floats, or as grey levels
    10 ln(power) + 146 in uint8; the table has the columns word and split. The front end that made
    them has to be that of the model, but for the highest frequency.

    Args:
        path: of the array.
        settings: of the model's front end.
        high_hz: highest frequency of the front end that made them, if it is another.

    Raises:
        ConfigError: a file is missing or they do not fit together or to the front end.
    """
    table = path.with_suffix(".csv")
    try:
        images = np.load(path, mmap_mode="r")
        with table.open(newline="") as file:
            rows = [(row["word"], row["split"]) for row in csv.DictReader(file)]
    except KeyError as error:
        raise ConfigError(f"{table}: no column {error.args[0]}") from error
    except (OSError, ValueError, EOFError, csv.Error) as error:
        raise ConfigError(f"{path}: features cannot be read: {error}") from error
    if images.ndim != 3 or images.shape[2] != settings.bands or len(images) != len(rows):
        raise ConfigError(
            f"{path}: shape {images.shape}, but {len(rows)} clips of {settings.bands} bands "
            "are wanted"
        )
    numbers: dict[str, int] = {split: number for number, split in enumerate(SPLITS)}
    if unknown := {split for _, split in rows} - set(numbers):
        raise ConfigError(f"{table}: split {min(unknown)!r} is none of: {', '.join(SPLITS)}")
    words = np.array([word for word, _ in rows], np.str_)
    side = np.array([numbers[split] for _, split in rows], np.uint8)
    clips = FeatureClips(path, np.arange(len(rows)), words, side)
    if high_hz is None or high_hz == settings.high_hz:
        return clips
    try:
        source = replace(settings, high_hz=high_hz)
    except ValueError as error:
        raise ConfigError(f"features_high_hz: {high_hz:g}: {error}") from error
    return replace(clips, bands=band_map(source, settings), high_hz=high_hz)


NO_FEATURES = FeatureClips(
    Path(), np.empty(0, np.int64), np.empty(0, np.str_), np.empty(0, np.uint8)
)
"""For a training without images."""


def band_centres(settings: FrontEndSettings) -> npt.NDArray[np.float64]:
    """Frequencies that the mel bands are centred at, Hz, shape (bands,)."""
    low, high = hertz_to_mel(np.array([settings.low_hz, settings.high_hz]))
    return mel_to_hertz(np.linspace(low, high, settings.bands + 2)[1:-1])


def change_frame_rate(power: Power, factor: float) -> Power:
    """Play mel power faster (factor above 1) or slower, by the nearest frames."""
    return power[np.arange(0, len(power), factor).astype(np.int64)]


def power_span(power: Power) -> tuple[int, int]:
    """First frame of the word and the frame after its last."""
    return loud_span(10 * np.log10(power.sum(axis=1) + 1e-10))


def of_words(clips: FeatureClips, split: Split) -> FeatureClips:
    """The clips of one side that hold a word."""
    wanted = (clips.side == SPLITS.index(split)) & ~np.char.startswith(clips.words, "_")
    return clips.take(np.flatnonzero(wanted))

"""Writes the sound of words that exist as log-mel images only, with a table of them."""

import csv
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import soundfile
from tqdm import tqdm

from kws.errors import ConfigError
from kws.spotting.frontend import FrontEndSettings
from train.data.features import FeatureClip
from train.data.index import IMAGES, INDEX, TRAINING, Row, append_rows, read_index
from train.data.inversion import MelInversion

log = logging.getLogger(__name__)

TOGETHER = 50
"""Images that are inverted at once, and listed together."""
_COLUMNS = {"word", "speaker", "name", "split"}


def write_image_recordings(
    folder: Path,
    images: Path,
    settings: FrontEndSettings,
    *,
    licence: str,
    heard: Iterable[Row] = (),
    seed: int = 1,
) -> int:
    """Write `speech_commands/<word>/<name>.wav`, and a line for each into index.csv.

    Args:
        folder: to write to.
        images: `NAME.npy`, grey levels as `train.data.features` has them, shape (images, frames,
            bands), beside `NAME.csv` with the columns word, speaker, name and split. Those of the
            split "training" that are of words are written.
        settings: of the front end that made them.
        licence: of the recordings that they were made of.
        heard: rows of recordings; an image of a word by a speaker who says that word in one of
            them is left out, since it is likely that recording's.
        seed: of the phases to start with.

    Returns:
        The number of recordings written; those that are listed are left alone.

    Raises:
        ConfigError: a file cannot be read, or does not fit the other, or the folder cannot be
            written.
    """
    index = folder / INDEX
    listed = {each.row.clip for each in read_index(index, folder)} if index.exists() else set()
    known = {(row.word, row.speaker) for row in heard}
    greys, rows = _read(images, settings)
    wanted = [
        (number, row)
        for number, row in enumerate(rows)
        if row.use == TRAINING
        and not row.word.startswith("_")
        and (row.word, row.speaker) not in known
        and row.clip not in listed
    ]
    log.info("%s: %d of %d images to make sound of", images, len(wanted), len(rows))
    inversion = MelInversion(settings)
    batches = [wanted[start : start + TOGETHER] for start in range(0, len(wanted), TOGETHER)]
    for batch in tqdm(batches, desc="making sound of images", disable=None):
        _write(folder, inversion, greys, batch, licence, seed)
    return len(wanted)


def _write(
    folder: Path,
    inversion: MelInversion,
    greys: npt.NDArray[np.uint8],
    batch: Sequence[tuple[int, Row]],
    licence: str,
    seed: int,
) -> None:
    power = np.stack(
        [FeatureClip(greys[number], row.word, "training").power for number, row in batch]
    )
    sounds = inversion(power, np.random.default_rng((seed, batch[0][0])))
    written = []
    for (_, row), sound in zip(batch, sounds, strict=True):
        path = folder / "speech_commands" / row.word / row.clip
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, np.clip(sound, -1, 1), inversion.sample_rate, subtype="PCM_16")
        except (OSError, soundfile.LibsndfileError) as error:
            raise ConfigError(f"{path}: cannot be written: {error}") from error
        samples = len(sound)
        written.append(
            Row(IMAGES, row.clip, samples, row.word, row.speaker, TRAINING, "en", licence)
        )
    append_rows(folder / INDEX, written)


def _read(images: Path, settings: FrontEndSettings) -> tuple[npt.NDArray[np.uint8], list[Row]]:
    """The grey levels, and what each image is of: its side is the row's use."""
    table = images.with_suffix(".csv")
    try:
        greys = np.load(images, mmap_mode="r")
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(_rows(csv.DictReader(file), table))
    except (OSError, ValueError, EOFError, csv.Error) as error:
        raise ConfigError(f"{images}: images cannot be read: {error}") from error
    if greys.dtype != np.uint8 or greys.ndim != 3 or greys.shape[2] != settings.bands:
        raise ConfigError(
            f"{images}: images of grey levels (uint8) in {settings.bands} bands are wanted, not "
            f"{greys.dtype} of shape {greys.shape}"
        )
    if len(greys) != len(rows):
        raise ConfigError(f"{table}: {len(rows)} lines for {len(greys)} images")
    return greys, rows


def _rows(lines: "csv.DictReader[str]", table: Path) -> Iterator[Row]:
    if missing := _COLUMNS - set(lines.fieldnames or ()):
        raise ConfigError(f"{table}: lacks columns: {', '.join(sorted(missing))}")
    for line in lines:
        clip = f"{PurePosixPath(line['name']).stem}.wav"
        yield Row(IMAGES, clip, 0, line["word"], line["speaker"], line["split"], "", "")

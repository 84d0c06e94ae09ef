"""Writes generated noise as recordings, with a table of them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

from kws.errors import ConfigError
from train.data.generated_noise import NoiseGenerator, generate
from train.data.index import Row, append_rows, read_index

PIECE_S = 30
"""Seconds of a recording."""
LICENCE = "CC0-1.0"


def write_noise(
    folder: Path,
    generators: Mapping[str, NoiseGenerator],
    hours: float,
    *,
    use: str,
    seed: int,
    sample_rate: int = 16_000,
) -> int:
    """Write `noise/<use>/generated/<kind>_<n>.wav`, and a line for each into index.csv.

    Args:
        folder: to write to.
        generators: by kind; each makes as much as the others.
        hours: in all, at least.
        use: what it is for: "training" or "evaluation".
        seed: of everything drawn.
        sample_rate: samples per second.

    Returns:
        The number of recordings written; those that are listed are left alone.

    Raises:
        ConfigError: the folder cannot be written.
    """
    index = folder / "index.csv"
    pack = f"noise/{use}/generated"
    listed = {each.row.clip for each in read_index(index, folder)} if index.exists() else set()
    count = int(np.ceil(hours * 3600 / PIECE_S / len(generators)))
    written = 0
    for number in range(count):
        for kind, (name, generator) in enumerate(generators.items()):
            clip = f"{name}_{seed}_{number:04d}.wav"
            if clip in listed:
                continue
            draw = np.random.default_rng((seed, kind, number))
            sound = generate(generator, PIECE_S * sample_rate, sample_rate, draw)
            path = folder / pack / clip
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, sound, sample_rate, subtype="PCM_16")
            except (OSError, soundfile.LibsndfileError) as error:
                raise ConfigError(f"{path}: cannot be written: {error}") from error
            append_rows(index, [Row(pack, clip, len(sound), "", name, use, "", LICENCE)])
            written += 1
    return written

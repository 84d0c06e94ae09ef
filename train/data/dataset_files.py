"""Finds the recordings to train on and to validate with; leaves out those that are broken."""

import logging
import os
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from kws.errors import AudioFileError, ConfigError
from train.config import FitConfig
from train.data.clips import (
    BACKGROUND,
    SENTENCES,
    SPLITS,
    Clips,
    has_split_lists,
    joined,
    of_split,
    recordings,
    word_clips,
)
from train.data.features import NO_FEATURES, FeatureClips, feature_clips, of_words
from train.data.paths import Indices, Paths
from train.data.skipped import SkippedRecordings
from train.data.sound_files import sound_length
from train.scenes.dataset import Material
from train.scenes.sources import Recordings

log = logging.getLogger(__name__)

_TRAINING = SPLITS.index("training")
_NOTHING = np.empty(0, np.int64)
_SHOWN = 10


@dataclass(frozen=True, eq=False)
class DatasetFiles:
    """The recordings of a training, those that cannot be used left out.

    Attributes:
        keywords: the classes.
        material: what is trained on.
        validation: what is validated with.
        negatives: recordings without keywords that are searched for hard negatives: of speech,
            of other words, and of noise.
        skipped: unusable recordings that were left out, and those found later.
        fingerprint: for each kind of recordings, count and checksum of their names.
    """

    keywords: tuple[str, ...]
    material: Material
    validation: Clips
    negatives: tuple[Paths, Paths, Paths]
    skipped: SkippedRecordings
    fingerprint: dict[str, str]


def find_dataset_files(config: FitConfig) -> DatasetFiles:
    """Find the recordings in the folders that the settings name.

    Raises:
        ConfigError: a folder is missing or empty, or a keyword has no recordings.
        AudioFileError: too many recordings are broken.
    """
    clips = word_clips(config.words)
    keywords = config.keywords or tuple(clips.by_word())
    if not has_split_lists(config.words):
        clips = _with_training_clips(clips)
    _report_kept_away(clips)
    clips = clips.take(np.flatnonzero(clips.side != SPLITS.index("testing")))
    synthetic = joined(map(word_clips, config.synthetic))
    background = config.words / BACKGROUND
    noise_folders = (*config.noise, background) if background.is_dir() else config.noise
    sentences = [folder / SENTENCES for folder in config.synthetic]
    speech_folders = (*config.speech, *(folder for folder in sentences if folder.is_dir()))
    speech, noise = (Paths.of(recordings(folders)) for folders in (speech_folders, noise_folders))

    tables = (clips.paths, synthetic.paths, speech, noise)
    skipped = SkippedRecordings(sum(map(len, tables)))
    whole = _whole(tables, config.front_end.sample_rate, skipped)
    clips, synthetic = clips.take(whole[0]), synthetic.take(whole[1])
    speech, noise = speech.take(whole[2]), noise.take(whole[3])

    training = of_split(clips, "training")
    validation = of_split(clips, "validation")
    spoken = training.by_word()
    if missing := set(keywords) - set(spoken):
        raise ConfigError(
            f"{config.words}: no training recordings of {', '.join(sorted(missing))}; "
            f"there are some of: {', '.join(spoken)}"
        )
    if not len(validation):
        log.warning(
            "%s: no validation clips, so the accuracy stays unknown; of many speakers "
            "(%s) a tenth is kept for that",
            config.words,
            "<speaker>_nohash_<n>.wav",
        )
    features = _features(config)
    log.info(
        "%d training, %d as images, %d synthetic and %d validation clips; "
        "%d recordings of speech, %d of noise",
        *(len(training), len(features), len(synthetic), len(validation), len(speech), len(noise)),
    )
    words = {*spoken, *synthetic.by_word(), *features.by_word()}
    if not len(speech) and words <= set(keywords):
        log.warning(
            "%s: nothing but keywords, so the model will take other words for them; add folders of "
            "other words and name the --keywords, or speech in negatives/training beside them",
            config.words,
        )
    rate = config.front_end.sample_rate
    others = [indices for word, indices in spoken.items() if word not in keywords]
    chosen = np.sort(np.concatenate([_NOTHING, *others]))
    return DatasetFiles(
        keywords,
        Material(training, synthetic, features, Recordings(speech, rate), Recordings(noise, rate)),
        validation,
        (speech, training.paths.take(chosen), noise),
        skipped,
        {
            "recorded": _fingerprint(training.paths),
            "synthetic": _fingerprint(synthetic.paths),
            "features": f"{len(features)} {zlib.crc32(features.words.tobytes()):08x}",
            "speech": _fingerprint(speech),
            "noise": _fingerprint(noise),
        },
    )


def _whole(tables: Sequence[Paths], sample_rate: int, skipped: SkippedRecordings) -> list[Indices]:
    """Which recordings of each table can be used, by what their headers say.

    Raises:
        AudioFileError: too many cannot.
    """
    count = sum(map(len, tables))
    log.info("checking %d recordings", count)
    messages = []
    whole = []
    with tqdm(total=count, desc="checking", unit=" files", leave=False, disable=None) as bar:
        for table in tables:
            good = []
            for index, path in enumerate(table):
                try:
                    sound_length(path, sample_rate)
                except AudioFileError as error:
                    messages.append(str(error))
                else:
                    good.append(index)
                bar.update()
            whole.append(np.array(good, np.int64))
    skipped.add(messages)
    return whole


def _with_training_clips(clips: Clips) -> Clips:
    """Where the hash rule leaves a word nothing to train on, all of its clips are for that."""
    side = clips.side.copy()
    for word, indices in clips.by_word().items():
        if not (side[indices] == _TRAINING).any():
            side[indices] = _TRAINING
            log.warning(
                "%s: the rule of the split would keep all of its speakers from training; training "
                "with its %d clips nevertheless, so none are left to validate with",
                word,
                len(indices),
            )
    return replace(clips, side=side)


def _report_kept_away(clips: Clips) -> None:
    """Log which speakers' clips are kept from training, and how many."""
    for split in (side for side in SPLITS if side != "training"):
        speakers = Counter(clip.speaker for clip in of_split(clips, split))
        if speakers:
            names = ", ".join(sorted(speakers)[:_SHOWN])
            more = f" and {len(speakers) - _SHOWN} more" if len(speakers) > _SHOWN else ""
            log.info(
                "kept from training, for %s: %d clips of %d speakers: %s%s",
                *(split, speakers.total(), len(speakers), names, more),
            )


def _features(config: FitConfig) -> FeatureClips:
    if config.features is None:
        return NO_FEATURES
    return of_words(
        feature_clips(config.features, config.front_end, config.features_high_hz), "training"
    )


def _fingerprint(paths: Paths) -> str:
    """Tells other files from these; where the data lies does not matter, nor how it is sorted."""
    names = (f"{path.parent.name}/{path.name}" for path in paths)
    return f"{len(paths)} {sum(zlib.crc32(os.fsencode(name)) for name in names):x}"

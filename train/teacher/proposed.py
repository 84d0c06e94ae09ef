"""Where a keyword model takes other sound for a keyword: what a verifier will have to reject."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from kws.errors import AudioFileError
from kws.spotting.load import load_model
from kws.spotting.whisper_mel import SAMPLE_RATE
from train.data.skipped import SkippedRecordings
from train.fitting.hard_negatives import find_hard_negatives, worst
from train.scenes.sources import Moment, around
from train.teacher.config import TeacherConfig
from train.teacher.material import TeacherMaterial
from train.teacher.network import WINDOW_SAMPLES, TeacherNetwork, in_batches
from train.teacher.shards import ENCODED

log = logging.getLogger(__name__)

MOST = 20_000
"""Moments at most, those with the highest posteriors."""
LOOKAHEAD_S = 0.3
"""Time from a moment to the end of the window that the network gets."""


def with_proposed(
    material: TeacherMaterial, config: TeacherConfig, network: TeacherNetwork
) -> TeacherMaterial:
    """The material with the moments at which the configuration's proposer is wrong.

    It is run over all recordings for training in which no keyword is said.

    Args:
        material: to search.
        config: of the training.
        network: as it is before the training; where the configuration wants the hardest moments
            only, those that it takes for keywords most.

    Raises:
        ModelError: there is no such model.
        AudioFileError: too many recordings cannot be read.
    """
    if not config.proposer:
        return material
    model = load_model(config.proposer)
    recordings = [
        each
        for each in material.training
        if each.row.word not in config.keywords and each.row.name not in material.spoken
    ]
    skipped = SkippedRecordings(len(recordings))

    def skip(error: AudioFileError) -> None:
        skipped.skip(error)

    moments = find_hard_negatives(model, (each.path for each in recordings), MOST, skip)
    log.info(
        "%s takes %d moments of %d recordings for keywords",
        *(config.proposer, len(moments), len(recordings)),
    )
    if config.hardest:
        moments = worst(_scored(moments, network), config.hardest)
    return replace(material, proposed=tuple(moments))


def _scored(moments: Sequence[Moment], network: TeacherNetwork) -> Iterator[Moment]:
    """The same moments with the highest posterior that the network gives to a keyword."""
    length = round(LOOKAHEAD_S * SAMPLE_RATE) - WINDOW_SAMPLES
    for start in range(0, len(moments), ENCODED):
        part = moments[start : start + ENCODED]
        windows = np.stack(
            [around(each.path, SAMPLE_RATE, each.end + length, WINDOW_SAMPLES) for each in part]
        )
        posteriors = in_batches(network, torch.from_numpy(windows)).softmax(1)[:, 1:].amax(1)
        for each, posterior in zip(part, posteriors.tolist(), strict=True):
            yield replace(each, posterior=posterior)

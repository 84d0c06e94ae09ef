"""Where a keyword model takes other sound for a keyword: what a verifier will have to reject."""

import logging
from dataclasses import replace

from kws.errors import AudioFileError
from kws.spotting.load import load_model
from train.data.skipped import SkippedRecordings
from train.fitting.hard_negatives import find_hard_negatives
from train.teacher.config import TeacherConfig
from train.teacher.material import TeacherMaterial

log = logging.getLogger(__name__)

MOST = 20_000
"""Moments at most, those with the highest posteriors."""


def with_proposed(material: TeacherMaterial, config: TeacherConfig) -> TeacherMaterial:
    """The material with the moments at which the configuration's proposer is wrong.

    It is run over all recordings for training in which no keyword is said.

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
        if each.row.word not in config.keywords
        and each.row.name not in material.spoken
        and not each.row.pack.startswith(("noise/", "speech_commands/background"))
    ]
    skipped = SkippedRecordings(len(recordings))

    def skip(error: AudioFileError) -> None:
        skipped.skip(error)

    moments = find_hard_negatives(model, (each.path for each in recordings), MOST, skip)
    log.info(
        "%s takes %d moments of %d recordings for keywords",
        *(config.proposer, len(moments), len(recordings)),
    )
    return replace(material, proposed=tuple(moments))

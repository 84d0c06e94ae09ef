"""Trains model files, stage after stage; what stops it loses little, for there are checkpoints."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import torch

from train.config import FitConfig
from train.data.dataset_files import find_dataset_files
from train.fitting.parallel import Processes, joined_processes
from train.fitting.resume import next_stage, state_to_resume
from train.fitting.training import Training
from train.measure.evaluate import ClipAccuracy

log = logging.getLogger(__name__)


def fit(config: FitConfig) -> ClipAccuracy | None:
    """Train, write the model file and return its accuracy on the validation clips.

    Under torchrun all processes train together; the first one returns the accuracy, the others
    None.

    Raises:
        ConfigError: a setting is not valid, a folder is missing or empty, a keyword has no
            recordings, the checkpoint is of another training or damaged, there is one that would
            be lost, or a file cannot be written.
        AudioFileError: too many recordings are broken.
        KwsError: a process that helps was lost.
    """
    with joined_processes() as processes:
        config.check()
        return _fit(config, processes)


def fit_stages(stages: Sequence[FitConfig]) -> ClipAccuracy | None:
    """Train one stage after the other, continuing where an earlier call was stopped.

    A stage that is finished is not trained again. With `restart` all of them start over.

    Args:
        stages: settings of each; those of the last one make the model.

    Returns:
        As `fit`, of the last stage.

    Raises:
        ConfigError: as `fit`; or a checkpoint was made with other settings than its stage has.
        AudioFileError: too many recordings are broken.
        KwsError: a process that helps was lost.
    """
    with joined_processes() as processes:
        for config in stages:
            config.check()
        first = processes.together(lambda: next_stage(stages) if processes.leads else 0)
        first = processes.share(first)
        if first:
            log.info("stages 1 to %d of %d are finished", first, len(stages))
        accuracy = None
        for number, config in enumerate(stages[first:], first + 1):
            log.info("stage %d of %d: %s", number, len(stages), config.output)
            accuracy = _fit(replace(config, resume=True, restart=False), processes)
        return accuracy


def _fit(config: FitConfig, processes: Processes) -> ClipAccuracy | None:
    torch.set_num_threads(config.threads)
    saved = processes.together(lambda: state_to_resume(config) if processes.leads else None)
    saved = processes.share(saved)
    files = processes.together(lambda: find_dataset_files(config))
    config = replace(config, keywords=files.keywords)
    training = processes.together(lambda: Training(config, processes, files, saved))
    return training.run()

"""Decides whether to go on from the checkpoint of an earlier run."""

import logging
from typing import Any

from kws.errors import ConfigError
from train.config import FitConfig
from train.fitting.checkpoint import read_checkpoint, unusable
from train.fitting.progress_state import ProgressState

log = logging.getLogger(__name__)


def state_to_resume(config: FitConfig) -> dict[str, Any] | None:
    """The content of a checkpoint to go on from, if that is wanted and there is one.

    Raises:
        ConfigError: the checkpoint is damaged, or of an unfinished training without `resume` or
            `restart`; or the output's folder cannot be made.
    """
    path = config.checkpoint
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        exists = path.exists()
    except OSError as error:
        raise ConfigError(f"{config.output}: cannot be written: {error.strerror}") from error
    if not exists:
        if config.resume:
            log.info("%s: no checkpoint to resume from; starting at the beginning", path)
        return None
    if config.restart:
        log.info("%s: starting anew in its place", path)
        return None
    saved = read_checkpoint(path)
    if config.resume:
        return saved
    try:
        state, epochs = ProgressState.of(saved["standing"]), int(saved["settings"]["epochs"])
    except (KeyError, TypeError, ValueError) as error:
        raise unusable(path) from error
    if state.begun and state.epoch < epochs:
        raise ConfigError(
            f"{path}: of a training that was stopped in epoch {state.epoch + 1} of {epochs}; go "
            "on with --resume, or start anew with --restart, which throws it away"
        )
    log.info("%s: of a finished training; starting anew in its place", path)
    return None

"""What an earlier run left beside the output, and what becomes of it."""

import logging
from typing import Any

from kws.errors import ConfigError
from train.config import FitConfig
from train.fitting.checkpoint import read_checkpoint, unusable
from train.fitting.standing import Standing

log = logging.getLogger(__name__)


def earlier_state(config: FitConfig) -> dict[str, Any] | None:
    """The content of a checkpoint to go on from, if that is wanted and there is one.

    Raises:
        ConfigError: the checkpoint is damaged, or it is of an unfinished training and nobody said
            what to do with that; or the output's folder cannot be made.
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
        standing, epochs = Standing.of(saved["standing"]), int(saved["settings"]["epochs"])
    except (KeyError, TypeError, ValueError) as error:
        raise unusable(path) from error
    if standing.begun and standing.epoch < epochs:
        raise ConfigError(
            f"{path}: of a training that was stopped in epoch {standing.epoch + 1} of {epochs}; go "
            "on with --resume, or start anew with --restart, which throws it away"
        )
    log.info("%s: of a finished training; starting anew in its place", path)
    return None

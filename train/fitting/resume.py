"""Decides whether to continue from the checkpoint of an earlier run."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kws.errors import ConfigError
from train.config import FitConfig
from train.fitting.checkpoint import differences, read_checkpoint, unusable
from train.fitting.progress_state import ProgressState

log = logging.getLogger(__name__)


def state_to_resume(config: FitConfig) -> dict[str, Any] | None:
    """The content of a checkpoint to continue from, if that is wanted and there is one.

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
        log.info("%s: starting over in its place", path)
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
            f"{path}: of a training that was stopped in epoch {state.epoch + 1} of {epochs}; "
            "continue with --resume, or start over with --restart, which discards it"
        )
    log.info("%s: of a finished training; starting over in its place", path)
    return None


def next_stage(stages: Sequence[FitConfig]) -> int:
    """Index of the stage to continue with: the first that is not finished, at most the last one.

    With `restart`, the checkpoints of all stages are removed.

    Raises:
        ConfigError: a checkpoint is damaged, or was made with other settings than its stage has.
    """
    finished = []
    for config in stages:
        path = config.checkpoint
        if config.restart:
            path.unlink(missing_ok=True)
        saved = read_checkpoint(path) if path.exists() else None
        if saved is not None:
            now = msgspec.to_builtins(config.shaping())
            # What only the recordings say is compared when they are read.
            unread = {"data"} if config.keywords else {"data", "keywords"}
            try:
                before, now = (
                    {key: value for key, value in each.items() if key not in unread}
                    for each in (saved["settings"], now)
                )
                check_settings(before, now, path)
                state = ProgressState.of(saved["standing"])
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise unusable(path) from error
            finished.append(state.epoch >= config.epochs and config.output.exists())
        else:
            finished.append(False)
    return finished.index(False) if False in finished else len(stages) - 1


def check_settings(saved: Mapping[str, Any], now: Mapping[str, Any], path: Path) -> None:
    """Compare the settings of a checkpoint with those of a training.

    Raises:
        ConfigError: they differ.
    """
    if different := list(differences(saved, now)):
        raise ConfigError(
            f"{path}: made with other settings: {'; '.join(different)}; continue with the same "
            "ones, or start over with --restart"
        )

"""Files that are whole or not there: checkpoints to continue from, and the model at the end."""

import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from kws.errors import ConfigError, ModelError
from kws.spotting.model import KeywordModel
from kws.spotting.model_file import save_model
from train.network import file_of
from train.torch_file import read_without_code

FORMAT = "kws-checkpoint"
VERSION = 1


def write_checkpoint(state: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint in the place of the last one, which is there until this one is safe.

    Args:
        state: plain values and tensors.
        path: the file.

    Raises:
        ConfigError: it cannot be written, as when the disk is full; the last one is still there.
    """
    content = io.BytesIO()
    torch.save({"format": FORMAT, "version": VERSION, **state}, content)
    fresh = path.with_name(path.name + ".partial")
    try:
        fresh.write_bytes(content.getbuffer())
        _put(fresh, path)
    except OSError as error:
        raise _unwritten(path, error) from error
    finally:
        fresh.unlink(missing_ok=True)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What was written into a checkpoint.

    Raises:
        ConfigError: it is damaged, or no checkpoint of this version.
    """
    try:
        # torch writes checksums into its archives, but does not look at them.
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip() is not None
        state: Any = read_without_code(path, "checkpoint")
    except (OSError, EOFError, ValueError, ModelError, zipfile.BadZipFile) as error:
        raise unusable(path) from error
    if damaged or not isinstance(state, dict) or state.get("format") != FORMAT:
        raise unusable(path)
    if state.get("version") != VERSION:
        raise ConfigError(
            f"{path}: of another version of kws; start over with --restart, which replaces it"
        )
    return state


def unusable(path: Path) -> ConfigError:
    """What to say of a checkpoint that is none."""
    return ConfigError(
        f"{path}: is damaged, or no checkpoint; start over with --restart, which replaces it"
    )


def write_model(model: KeywordModel, path: Path) -> None:
    """Write a model file in the place of the last one, which is there until this one is safe.

    Raises:
        ConfigError: it cannot be written, as when the disk is full.
    """
    fresh = path.with_name(path.name + ".new")
    try:
        save_model(file_of(model), fresh)
        _put(fresh, path)
    except OSError as error:
        raise _unwritten(path, error) from error
    finally:
        for left in (fresh, fresh.with_name(fresh.name + ".partial")):
            left.unlink(missing_ok=True)


def _put(fresh: Path, path: Path) -> None:
    """Give a file its name once all of it is on the disk."""
    _flush(fresh)
    fresh.replace(path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritten(path: Path, error: Exception) -> ConfigError:
    said = error.strerror if isinstance(error, OSError) else None
    return ConfigError(
        f"{path}: cannot be written: {said or str(error).splitlines()[0]}; make that possible, "
        "then continue with --resume"
    )


def differences(saved: Any, now: Any, name: str = "") -> Iterator[str]:
    """In which settings two trainings differ, in words.

    Args:
        saved: settings of the one, plain values.
        now: those of the other.
        name: where they hang, as "augmentation".
    """
    if isinstance(saved, dict) and isinstance(now, dict):
        for key in saved | now:
            below = f"{name}.{key}" if name else str(key)
            yield from differences(saved.get(key), now.get(key), below)
    elif saved != now:
        yield f"{name} was {_show(saved)} and is {_show(now)}"


def _show(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)

"""Files of `torch.save` that are not trusted: checkpoints, and weights of other programs."""

import warnings
from pathlib import Path
from typing import Any

import torch

from kws.errors import ModelError


def read_without_code(path: Path, kind: str) -> Any:
    """What `torch.save` wrote to a file, if it is nothing but plain values and tensors.

    Args:
        path: the file.
        kind: what people call such a file.

    Raises:
        ModelError: it cannot be read, is damaged, or holds anything else; nothing is executed.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise ModelError(f"{kind} {path}: cannot be read: {error.strerror}") from error
    with file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        # torch names no base class for what a foreign, cut or hostile file can raise.
        except Exception as error:
            reason = f"it is damaged, cut short or not a {kind}"
            if "unsupported global" in str(error).lower():
                reason = "it holds code or objects, which are refused"
            raise ModelError(f"{kind} {path}: {reason}; nothing in it was executed") from error

"""Makes the file of a verifier of a teacher, and a teacher of the file of a verifier."""

from pathlib import Path

import torch

from kws.errors import ConfigError
from kws.spotting.backends.torch import weights_of
from kws.spotting.encoder_graph import ARCHITECTURE
from kws.spotting.verifier_file import (
    VerifierFile,
    VerifierHeader,
    read_verifier,
    save_verifier,
)
from kws.spotting.whisper_mel import SAMPLE_RATE
from train.teacher.network import WINDOW_SAMPLES
from train.teacher.teacher_file import TeacherFile, read_teacher, restore_network
from train.teacher.whisper import COPYRIGHT, LICENCE, SOURCE


def export_teacher(teacher: Path, output: Path) -> VerifierFile:
    """Write the verifier that a teacher is, its weights quantised.

    Args:
        teacher: a teacher, or the checkpoint of one.
        output: the file to write; the vocabulary is named after it.

    Raises:
        ModelError: the teacher cannot be read, is none, or has weights that are not finite.
        ConfigError: the file cannot be written.
    """
    file = verifier_of(read_teacher(teacher), output.stem)
    try:
        if output.exists() and output.samefile(teacher):
            raise ConfigError(f"{output}: would overwrite the teacher; name another output")
        output.parent.mkdir(parents=True, exist_ok=True)
        save_verifier(file, output)
    except OSError as error:
        raise ConfigError(f"{output}: cannot be written: {error}") from error
    return file


def verifier_of(teacher: TeacherFile, name: str) -> VerifierFile:
    """The verifier that a teacher is, its weights quantised.

    Args:
        teacher: of which it is made.
        name: of the vocabulary.

    Raises:
        ModelError: its weights are not finite.
    """
    network = teacher.network
    header = VerifierHeader(
        name=name,
        architecture=ARCHITECTURE,
        arguments={
            "width": network.encoder.width,
            "blocks": network.blocks,
            "head_width": network.head.conv2.out_channels,
        },
        classes=teacher.keywords,
        sample_rate=SAMPLE_RATE,
        window_samples=WINDOW_SAMPLES,
        licence=_licence(teacher),
        sources=tuple(f"{source}: {licence}" for source, licence in teacher.sources.items()),
        training={**teacher.settings, "core_hours": round(teacher.core_s / 3600, 3)},
        measured=dict(teacher.history[-1]) if teacher.history else {},
    )
    return VerifierFile.of(header, weights_of(network))


def teacher_of(path: Path) -> TeacherFile:
    """The teacher that a verifier was made of, with the rounding of its weights.

    Raises:
        ModelError: the verifier cannot be read, or is none.
    """
    file = read_verifier(path)
    header = file.header
    weights = {name: torch.from_numpy(array) for name, array in file.weights().items()}
    state = {
        "width": header.arguments["width"],
        "blocks": header.arguments["blocks"],
        "positions": len(weights["encoder.positions"]),
        "weights": weights,
    }
    sources = (line.rpartition(": ") for line in header.sources)
    return TeacherFile(
        restore_network(state, len(header.classes)).eval(),
        header.classes,
        {source: licence for source, _, licence in sources},
        (header.measured,) if header.measured else (),
        3600 * float(header.training.get("core_hours", 0.0)),
        header.training,
    )


def _licence(teacher: TeacherFile) -> str:
    """The licences of all that the weights come from, each once."""
    others = {each for source, each in teacher.sources.items() if source != SOURCE}
    parts = [f"recordings: {', '.join(sorted(others))}"] if others else []
    if SOURCE in teacher.sources:
        parts = [f"Whisper's encoder: {LICENCE}, {COPYRIGHT}", *parts]
    return "; ".join(parts)

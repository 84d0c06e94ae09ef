"""Verifiers for tests: small ones with weights from a seed."""

import torch

from kws.spotting.backends.torch import weights_of
from kws.spotting.encoder_graph import ARCHITECTURE
from kws.spotting.verifier_file import VerifierFile, VerifierHeader
from train.teacher.network import TeacherNetwork
from train.teacher.whisper import WhisperEncoder

WIDTH, BLOCKS = 64, 2


def untrained_network(keywords: int = 4) -> TeacherNetwork:
    """A small network whose posteriors for noise differ."""
    torch.manual_seed(5)
    network = TeacherNetwork(WhisperEncoder(WIDTH, BLOCKS, positions=200), keywords)
    torch.nn.init.normal_(network.encoder.positions, std=0.1)
    torch.nn.init.normal_(network.head.value.weight, std=3)
    torch.nn.init.normal_(network.head.weight.weight, std=1)
    return network.eval().requires_grad_(False)


def untrained_verifier(keywords: tuple[str, ...] = ("yes", "no", "up", "down")) -> VerifierFile:
    """The file of such a network."""
    network = untrained_network(len(keywords))
    header = VerifierHeader(
        name="untrained",
        architecture=ARCHITECTURE,
        arguments={"width": WIDTH, "blocks": BLOCKS, "head_width": 192},
        classes=keywords,
        licence="CC0-1.0",
        sources=("a seed: CC0-1.0",),
        training={"seed": 5},
        measured={"clean_right": None},
    )
    return VerifierFile.of(header, weights_of(network))

"""Figures of a teacher."""

from pathlib import Path

import numpy as np
import pytest
import torch

from train.teacher.config import TeacherConfig
from train.teacher.material import TeacherMaterial
from train.teacher.measure import TeacherMeasure, threshold
from train.teacher.network import TeacherNetwork
from train.teacher.whisper import WhisperEncoder


def test_the_threshold_rejects_the_share_and_no_more() -> None:
    others = np.linspace(0.0, 0.99, 100, dtype=np.float32)
    posteriors = np.stack([1 - others, others], axis=1)
    labels = np.zeros(100, np.int64)
    for rejection in (0.97, 0.5, 1.0):
        limit = threshold(posteriors, labels, rejection)
        assert (others < limit).mean() == pytest.approx(rejection)


def test_without_other_words_nothing_has_to_be_rejected() -> None:
    assert threshold(np.array([[0.1, 0.9]], np.float32), np.array([1]), 0.985) == 0.0


def test_what_is_kept_of_the_encoder_does_not_change_the_figures(
    config: TeacherConfig, material: TeacherMaterial, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    network = TeacherNetwork(WhisperEncoder(64, 2), 2).eval()
    figures = [
        TeacherMeasure(material, config.keywords, network, blocks, tmp_path).figures(network)
        for blocks in (0, 1, 1)
    ]
    assert figures[0] == figures[1] == figures[2]
    assert len(list(tmp_path.iterdir())) == 3
    assert figures[0].clean_largest is not None
    assert figures[0].synthetic_right is None

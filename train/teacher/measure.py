"""How well a teacher tells the keywords from all else, on speakers and words that it never met."""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kws.spotting.whisper_mel import SAMPLE_RATE
from kws.typing import Samples
from train.data.index import NEAR, Recording, only_reports
from train.data.samples import active_region, read_samples
from train.scenes.augment import add_noise
from train.scenes.sources import Recordings
from train.teacher.examples import placed
from train.teacher.material import TeacherMaterial
from train.teacher.network import TeacherNetwork
from train.teacher.shards import ENCODED, hidden_of, write_arrays

PAUSE_S = 0.3
"""Seconds of a window behind the word."""
SNR_DB = 10.0
REJECTION = {"clean": 0.985, "noisy": 0.97}
"""Share of other words that the threshold has to reject."""
SEED = 7


@dataclass(frozen=True)
class TeacherFigures:
    """Shares, 0 to 1; None where there is nothing to measure with.

    Attributes:
        clean_right: validation keywords decided right (largest posterior and above the threshold)
            where the threshold rejects `REJECTION` of the other words.
        noisy_right: the same at 10 dB signal-to-noise ratio.
        clean_largest: validation clips, of keywords and others, whose largest posterior is right.
        noisy_largest: the same at 10 dB.
        reported_right: keywords of the speakers that only report, at the threshold that the
            others chose, clean.
        reported_rejected: other words of these speakers, at that threshold, clean.
        near_voice_rejected: near words in held-out voices, at that threshold.
        near_word_rejected: near words that were held out, in any voice, at that threshold.
        synthetic_right: keywords in held-out voices, at that threshold.
    """

    clean_right: float | None
    noisy_right: float | None
    clean_largest: float | None
    noisy_largest: float | None
    reported_right: float | None
    reported_rejected: float | None
    near_voice_rejected: float | None
    near_word_rejected: float | None
    synthetic_right: float | None


@dataclass(frozen=True, eq=False)
class _Clips:
    """Recordings to measure with.

    Attributes:
        recordings: of words.
        noise: to add; None for none.
        labels: what is said, shape (n,).
        reports: whether the speaker only reports, shape (n,).
        hidden: what the kept blocks made of the windows; None where none are kept.
    """

    recordings: tuple[Recording, ...]
    noise: Recordings | None
    labels: npt.NDArray[np.int64]
    reports: npt.NDArray[np.bool_]
    hidden: Tensor | None

    def windows(self) -> Iterator[Tensor]:
        """Batches of windows as sound, shape (n, WINDOW_SAMPLES)."""
        for start in range(0, len(self.recordings), ENCODED):
            part = self.recordings[start : start + ENCODED]
            yield torch.from_numpy(np.stack([_window(each, self.noise) for each in part]))


class TeacherMeasure:
    """Measures a teacher between the steps of its training.

    Args:
        material: to measure with.
        keywords: the classes.
        network: that is measured.
        blocks: first blocks of its encoder whose output is kept, for they do not change.
        folder: where it is kept.
    """

    def __init__(
        self,
        material: TeacherMaterial,
        keywords: Sequence[str],
        network: TeacherNetwork,
        blocks: int,
        folder: Path,
    ) -> None:
        self._blocks, self._folder = blocks, folder
        self._labels = {keyword: number for number, keyword in enumerate(keywords, 1)}
        noise = Recordings(
            [
                each.path
                for each in material.training
                if each.row.pack.startswith(("noise/", "speech_commands/background"))
            ],
            SAMPLE_RATE,
        )
        near = [each for each in material.held_out if each.row.pack == NEAR]
        said = [e for e in material.held_out if e.row.pack != NEAR and e.row.word in self._labels]
        self._clean = self._clips(network, material.validation)
        self._noisy = self._clips(network, material.validation, noise)
        self._near, self._said = self._clips(network, near), self._clips(network, said)
        self._new_word = np.array([each.row.new_word for each in near], np.bool_)

    def figures(self, network: TeacherNetwork) -> TeacherFigures:
        """Measure it as it is now."""
        training = network.training
        network.eval()
        clean, noisy = (
            self._posteriors(network, self._clean),
            self._posteriors(network, self._noisy),
        )
        near, said = self._posteriors(network, self._near), self._posteriors(network, self._said)
        network.train(training)
        chosen = ~self._clean.reports
        labels, reports, near_labels = self._clean.labels, self._clean.reports, self._near.labels
        limit = threshold(clean[chosen], labels[chosen], REJECTION["clean"])
        return TeacherFigures(
            clean_right=_right(clean, labels, threshold(clean, labels, REJECTION["clean"])),
            noisy_right=_right(noisy, labels, threshold(noisy, labels, REJECTION["noisy"])),
            clean_largest=_share(clean.argmax(1) == labels),
            noisy_largest=_share(noisy.argmax(1) == labels),
            reported_right=_right(clean[reports], labels[reports], limit),
            reported_rejected=_rejected(clean[reports], labels[reports], limit),
            near_voice_rejected=_rejected(
                near[~self._new_word], near_labels[~self._new_word], limit
            ),
            near_word_rejected=_rejected(near[self._new_word], near_labels[self._new_word], limit),
            synthetic_right=_right(said, self._said.labels, limit),
        )

    def _clips(
        self,
        network: TeacherNetwork,
        recordings: Sequence[Recording],
        noise: Recordings | None = None,
    ) -> _Clips:
        clips = _Clips(
            tuple(recordings),
            noise,
            np.array([self._labels.get(each.row.word, 0) for each in recordings], np.int64),
            np.array([only_reports(each.row.speaker) for each in recordings], np.bool_),
            None,
        )
        if not self._blocks or not recordings:
            return clips
        names = "\n".join(each.row.name for each in recordings)
        key = zlib.crc32(f"{bool(noise)} {names}".encode())
        path = self._folder / f"measured_{key:08x}.npz"
        if not path.exists():
            parts = [hidden_of(network.encoder, each, self._blocks) for each in clips.windows()]
            write_arrays(path, hidden=torch.cat(parts).numpy())
        with np.load(path) as arrays:
            return replace(clips, hidden=torch.from_numpy(arrays["hidden"]))

    @torch.no_grad()
    def _posteriors(self, network: TeacherNetwork, clips: _Clips) -> npt.NDArray[np.float32]:
        if clips.hidden is None:
            logits = [network(each) for each in clips.windows()]
        else:
            parts = torch.split(clips.hidden, ENCODED)
            logits = [network.upper(each.float(), self._blocks) for each in parts]
        empty = torch.empty(0, 1 + len(self._labels))
        return torch.cat([empty, *logits]).softmax(1).numpy()


def threshold(
    posteriors: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], rejection: float
) -> float:
    """The lowest threshold that rejects a share of what is no keyword; 0 if nothing is none.

    Args:
        posteriors: "none" first, shape (n, classes).
        labels: shape (n,).
        rejection: the share, 0 to 1.
    """
    others = np.sort(posteriors[labels == 0, 1:].max(axis=1, initial=0.0))
    if not len(others):
        return 0.0
    most = int(np.floor((1 - rejection) * len(others) + 1e-9))
    return float(np.nextafter(others[len(others) - 1 - most], np.float32(2)))


def _right(
    posteriors: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], limit: float
) -> float | None:
    keywords = labels > 0
    best = posteriors[:, 1:]
    right = (best.argmax(1) + 1 == labels) & (best.max(axis=1, initial=0.0) >= limit)
    return _share(right[keywords])


def _rejected(
    posteriors: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], limit: float
) -> float | None:
    return _share(posteriors[labels == 0, 1:].max(axis=1, initial=0.0) < limit)


def _share(hits: npt.NDArray[np.bool_]) -> float | None:
    return float(hits.mean()) if len(hits) else None


def _window(recording: Recording, noise: Recordings | None) -> Samples:
    """A clip as it is measured; the noise depends on nothing but the clip's name."""
    samples = read_samples(recording.path, SAMPLE_RATE)
    window = placed(samples, PAUSE_S)
    if not noise:
        return window
    digest = hashlib.sha1(recording.row.name.encode(), usedforsecurity=False).digest()
    draw = np.random.default_rng((SEED, int.from_bytes(digest[:8], "big")))
    first, last = active_region(samples, SAMPLE_RATE)
    power = float(np.square(samples[first:last]).mean())
    return np.clip(add_noise(window, noise.whole(len(window), draw), SNR_DB, power), -1, 1)

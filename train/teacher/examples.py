"""Windows to train a teacher with, freshly drawn: a word near the window's end, or none."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kws.errors import ConfigError
from kws.spotting.whisper_mel import SAMPLE_RATE
from kws.typing import Samples
from train.data.clips import NO_CLIPS, Clip, Clips
from train.data.index import IMAGES, NEAR, Recording
from train.data.paths import Paths
from train.data.samples import active_region, read_samples
from train.data.spoken_sentences import WITH_KEYWORD
from train.scenes.augment import change_speed, fragment
from train.scenes.scene import NONE
from train.scenes.settings import Mixture, SceneSettings
from train.scenes.sources import Recordings, Words, around
from train.scenes.surroundings import COMPANY_DB, Surroundings
from train.scenes.word_scenes import add_at
from train.teacher.config import TeacherConfig
from train.teacher.material import TeacherMaterial
from train.teacher.network import WINDOW_SAMPLES

LONG = int(1.2 * SAMPLE_RATE)
"""Samples from which on a recording without a word is running speech."""
FRAGMENT_S = (0.2, 0.9)
"""Range of the length of speech that is cut out to stand alone, seconds."""
SEEN = (0.1, 0.45)
"""Range of the share of a keyword that is inside a window with too little of it."""
LONGEST_WORD = int(0.6 * SAMPLE_RATE)
"""Samples of a keyword at most: in a noisy clip nobody can tell where it begins and ends."""
CLOSE_S, APART_S = (0.0, 0.12), (0.3, 0.7)
"""Ranges of the gap between a word and the speech beside it, seconds."""
SEEN_BEHIND_S = 0.15
"""Least speech behind a keyword that a window has to hold before it is to be "none"."""
PROPOSED_PAUSE_S = (-0.1, 0.5)
"""Range of the time from the end of a window that a keyword model takes for a keyword to the end of
the window here, seconds."""
KINDS = ("keywords", "company", "partial", "near", "words", "speech", "noise", "proposed")


class TeacherExamples:
    """Draws windows.

    Args:
        config: what they hold.
        material: of what they are made.

    Raises:
        ConfigError: of all that there should be a share of there is nothing.
        AudioFileError: a recording is damaged.
    """

    def __init__(self, config: TeacherConfig, material: TeacherMaterial) -> None:
        self._config = config
        training = material.training
        self._proposed = material.proposed
        keywords = frozenset(config.keywords)
        frames = (WINDOW_SAMPLES - 480) // 160 + 1
        self._settings = SceneSettings(
            keywords=config.keywords,
            window_frames=frames,
            scene_frames=frames,
            mixture=Mixture(),
            augmentation=config.augmentation,
        )
        self._speech = _recordings(
            each
            for each in training
            if each.row.pack.startswith("negatives/")
            and each.row.samples >= LONG
            and (each.row.pack == WITH_KEYWORD or each.row.name not in material.spoken)
        )
        self._noise = _recordings(
            each
            for each in training
            if each.row.pack.startswith(("noise/", "speech_commands/background"))
        )
        self._around = Surroundings(self._settings, self._speech, self._noise)
        every = training.where(lambda row: not row.word.startswith("_"))
        images = every.where(lambda row: row.pack == IMAGES)
        self._image_keywords = Words(_clips(e for e in images if e.row.word in keywords))
        self._image_words = Words(_clips(e for e in images if e.row.word not in keywords))
        said = every.where(lambda row: row.pack != IMAGES)
        self._keywords = Words(_clips(e for e in said if e.row.word in keywords and not _made(e)))
        self._made = Words(_clips(e for e in said if e.row.word in keywords and _made(e)))
        self._near = Words(_clips(e for e in said if e.row.pack == NEAR))
        self._words = Words(
            _clips(
                each
                for each in said
                if each.row.samples < LONG
                and each.row.word not in keywords
                and each.row.name not in material.spoken
                and not each.row.pack.startswith(("noise/", NEAR))
            )
        )
        mixture = config.mixture
        there = {
            "company": bool(self._speech),
            "near": bool(self._near),
            "words": bool(self._words or self._image_words),
            "speech": bool(self._speech),
            "noise": bool(self._noise),
            "proposed": bool(material.proposed),
        }
        shares = np.array([getattr(mixture, kind) * there.get(kind, True) for kind in KINDS])
        if not shares.sum():
            raise ConfigError("mixture: nothing to train with: raise the share of the keywords")
        self._shares = shares / shares.sum()

    def draw(self, draw: np.random.Generator) -> tuple[Samples, int]:
        """A window, float32 of shape (WINDOW_SAMPLES,), and its label.

        Raises:
            AudioFileError: a recording cannot be read.
        """
        kind = KINDS[int(draw.choice(len(KINDS), p=self._shares))]
        if kind == "speech":
            return self._running(draw), NONE
        if kind == "noise":
            silent = draw.random() < 0.15
            noise = self._noise.stretch(WINDOW_SAMPLES, draw) * np.float32(not silent)
            return self._varied(noise, draw), NONE
        if kind == "proposed":
            moment = self._proposed[int(draw.integers(len(self._proposed)))]
            end = moment.end + int(draw.uniform(*PROPOSED_PAUSE_S) * SAMPLE_RATE)
            start = end - WINDOW_SAMPLES
            return self._varied(around(moment.path, SAMPLE_RATE, start, WINDOW_SAMPLES), draw), NONE
        if kind in ("near", "words"):
            words = self._near if kind == "near" else self._other_words(draw)
            return self._word(words.clip(draw).path, kind, draw), NONE
        number = int(draw.integers(len(self._config.keywords)))
        keyword = self._config.keywords[number]
        window = self._word(self._saying(keyword, draw).clip(draw, keyword).path, kind, draw)
        return window, number + 1 if kind == "keywords" else NONE

    def _saying(self, keyword: str, draw: np.random.Generator) -> Words[Clip]:
        """Where a clip of a keyword comes from."""
        mixture, kind = self._config.mixture, draw.random()
        if kind < mixture.synthetic and self._made.has(keyword):
            return self._made
        if kind > 1 - mixture.images and self._image_keywords.has(keyword):
            return self._image_keywords
        sources = (self._keywords, self._made, self._image_keywords)
        return next(each for each in sources if each.has(keyword))

    def _other_words(self, draw: np.random.Generator) -> Words[Clip]:
        if draw.random() < self._config.mixture.images and self._image_words:
            return self._image_words
        return self._words or self._image_words

    def _word(self, path: Path, kind: str, draw: np.random.Generator) -> Samples:
        augmentation = self._config.augmentation
        samples = read_samples(path, SAMPLE_RATE)
        if draw.random() < augmentation.speed_probability:
            samples = change_speed(
                samples, 1 + draw.uniform(-augmentation.speed, augmentation.speed)
            )
        first, last = active_region(samples, SAMPLE_RATE)
        size = last - first
        power = float(np.square(samples[first:last]).mean())
        end = WINDOW_SAMPLES - int(draw.uniform(*self._config.pause_s) * SAMPLE_RATE)
        if kind == "partial":
            inside = int(draw.uniform(*SEEN) * min(size, LONGEST_WORD))
            end = inside if draw.random() < 0.5 else WINDOW_SAMPLES + size - inside
        scene = np.zeros(WINDOW_SAMPLES, np.float32)
        add_at(scene, samples, end - last)
        word = (end - size, end)
        if kind == "company":
            self._add_close(scene, word, power, draw)
        elif kind != "partial" and self._speech and draw.random() < self._config.mixture.apart:
            gap = int(draw.uniform(*APART_S) * SAMPLE_RATE)
            self._add_speech(scene, 0, word[0] - gap, power, draw)
        return self._around.vary(scene, power, draw)

    def _add_close(
        self, scene: Samples, word: tuple[int, int], power: float, draw: np.random.Generator
    ) -> None:
        """Speech right before a word, or right after it, or both."""
        before, after = (int(draw.uniform(*CLOSE_S) * SAMPLE_RATE) for _ in range(2))
        room = len(scene) - word[1] - after >= SEEN_BEHIND_S * SAMPLE_RATE
        which = int(draw.integers(1, 4)) if room else 1
        if which & 1:
            self._add_speech(scene, 0, word[0] - before, power, draw)
        if which & 2:
            self._add_speech(scene, word[1] + after, len(scene), power, draw)

    def _add_speech(
        self, scene: Samples, start: int, end: int, power: float, draw: np.random.Generator
    ) -> None:
        if end - start < SAMPLE_RATE // 20:
            return
        beside = self._speech.whole(end - start, draw)
        gain = np.sqrt(power / max(1e-12, float(np.square(beside).mean())))
        level = 10 ** (draw.uniform(-COMPANY_DB, COMPANY_DB) / 20)
        scene[start:end] += beside * np.float32(gain * level)

    def _running(self, draw: np.random.Generator) -> Samples:
        if draw.random() < 0.5:
            return self._varied(self._speech.stretch(WINDOW_SAMPLES, draw), draw)
        piece = fragment(self._speech.whole(2 * SAMPLE_RATE, draw), SAMPLE_RATE, FRAGMENT_S, draw)[
            :WINDOW_SAMPLES
        ]
        end = WINDOW_SAMPLES - int(draw.uniform(*self._config.pause_s) * SAMPLE_RATE)
        scene = np.zeros(WINDOW_SAMPLES, np.float32)
        add_at(scene, piece, end - len(piece))
        return self._around.vary(scene, float(np.square(piece).mean()), draw)

    def _varied(self, samples: Samples, draw: np.random.Generator) -> Samples:
        return self._around.vary(samples, float(np.square(samples).mean()), draw)


def _made(recording: Recording) -> bool:
    return recording.row.pack.startswith("synthetic/")


def _recordings(recordings: Iterable[Recording]) -> Recordings:
    return Recordings([each.path for each in recordings], SAMPLE_RATE)


def _clips(recordings: Iterable[Recording]) -> Clips:
    paths = Paths.of(each.path for each in recordings)
    return Clips(paths, np.zeros(len(paths), np.uint8)) if len(paths) else NO_CLIPS


def placed(samples: Samples, pause_s: float) -> Samples:
    """A word in a window of silence, with a pause behind it.

    Args:
        samples: a clip of a word, at 16 kHz.
        pause_s: seconds from the word's end to the window's.

    Returns:
        float32 of shape (WINDOW_SAMPLES,).
    """
    _, last = active_region(samples, SAMPLE_RATE)
    window = np.zeros(WINDOW_SAMPLES, np.float32)
    add_at(window, samples, WINDOW_SAMPLES - int(pause_s * SAMPLE_RATE) - last)
    return window

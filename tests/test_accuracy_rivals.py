"""What the bench lets pocketsphinx hear and say; a stand-in finds loud stretches for words."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.accuracy_rivals import main
from bench.rivals.keyphrases import Candidate, Feed, KeyphraseSearch, expected
from bench.rivals.material import part
from bench.rivals.points import Scanned, points, with_alarms, with_misses, worthwhile
from kws.spotting.model_file import save_model
from tests.spotting.models import untrained_model
from tests.train.recordings import RATE, add_held_out, write_data
from train.measure.heldout import Group
from train.measure.pieces import Excerpt, FilePiece
from train.measure.streams import Stream, Word

FRAME = 160
UNIT = 0.044471
"""Scores are whole numbers of this, log10."""


@dataclass
class Segment:
    """What the stand-in found."""

    word: str
    start_frame: int
    end_frame: int
    prob: int


class Decoder:
    """Finds a keyphrase wherever samples stay at a level of it, and shows it 0.1 s later."""

    def __init__(self, **_: object) -> None:
        self.utterances = 0

    def lookup_word(self, word: str) -> str | None:
        return "L OW" if word in ("low", "high", "high(2)") else None

    def add_kws(self, _: str, path: str) -> None:
        self.thresholds = {
            line.split(" /")[0]: float(line.split("/")[1])
            for line in Path(path).read_text().splitlines()
        }

    def activate_search(self, _: str) -> None:
        pass

    def get_logmath(self) -> SimpleNamespace:
        return SimpleNamespace(log=lambda prob: prob)

    def start_utt(self) -> None:
        self.sound = b""
        self.utterances += 1

    def end_utt(self) -> None:
        self.sound += bytes(2 * 11 * FRAME)

    def process_raw(self, block: bytes) -> None:
        self.sound += block

    def hyp(self) -> SimpleNamespace | None:
        return SimpleNamespace() if self.seg() else None

    def seg(self) -> list[Segment] | None:
        frames = np.frombuffer(self.sound, np.int16)[::FRAME]
        found = []
        # The level says the keyphrase and the score: 8020 is "low" at 1e20, 16005 "high" at 1e5.
        for level in np.unique(frames).tolist():
            kind, score = divmod(level, 8000)
            word = {1: "low", 2: "high", 3: "high(2)"}.get(kind)
            if word is None or score > 45 or 10.0**score < self.thresholds[word]:
                continue
            places = np.flatnonzero(frames == level)
            for stretch in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1):
                first, last = stretch[[0, -1]].tolist()
                if last + 11 < len(frames):
                    prob = round(score / UNIT + 0.5) - 1500
                    found.append(Segment(f"{word} ", first, last, prob))
        return found or None


class Endpointer:
    """Passes what is not silent, at once, and a little silence after it."""

    frame_bytes = 960

    def __init__(self) -> None:
        self.silent = 100

    @property
    def in_speech(self) -> bool:
        return self.silent < 10

    def process(self, frame: bytes) -> bytes | None:
        was = self.in_speech
        self.silent = 0 if any(frame) else self.silent + 1
        return frame if was or self.in_speech else None

    end_stream = process


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(
        Decoder=Decoder, Endpointer=Endpointer, set_loglevel=lambda level: None
    )
    monkeypatch.setitem(sys.modules, "pocketsphinx", module)


def stream_of(*words: tuple[float, int], seconds: float = 6.0) -> Stream:
    """Silence but for 0.3 s of each level from its second on."""
    samples = np.zeros(round(seconds * RATE), np.float32)
    for start, level in words:
        samples[round(start * RATE) : round((start + 0.3) * RATE)] = level / 32767
    return Stream(samples, RATE, ())


SOUND = stream_of((1.0, 8020), (2.0, 24005), (4.0, 8003))
FEEDS: tuple[Feed, ...] = ("speech", "all")


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("feed", FEEDS)
def test_a_live_program_is_told_with_the_block_that_shows_a_keyphrase(feed: Feed) -> None:
    search = KeyphraseSearch(("low", "high"), {"low": 10.0, "high": 0.0}, feed)
    told = [(each.keyword, each.t) for each in search.live(SOUND)]
    assert [keyword for keyword, _ in told] == ["low", "high"]
    # Its end, 0.1 s in which it waits, and up to a block.
    assert all(0.1 <= t - end <= 0.25 for (_, t), end in zip(told, (1.3, 2.3), strict=True))
    assert search.heard_s == pytest.approx(6.0)
    assert search.cpu_s > 0


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("feed", FEEDS)
def test_candidates_show_what_each_threshold_would_tell(feed: Feed) -> None:
    candidates = KeyphraseSearch(("low", "high"), feed=feed).candidates(SOUND)
    assert sorted(round(each.score) for each in candidates) == [3, 5, 20]
    for low, high in ((0.0, 0.0), (10.0, 0.0), (0.0, 10.0), (30.0, 30.0)):
        thresholds = {"low": low, "high": high}
        told = KeyphraseSearch(("low", "high"), thresholds, feed).live(SOUND)
        foreseen = expected(candidates, thresholds)
        assert [each.keyword for each in told] == [each.keyword for each in foreseen]
        for one, other in zip(told, foreseen, strict=True):
            assert one.t == pytest.approx(other.t, abs=0.11)


@pytest.mark.usefixtures("stand_in")
def test_what_is_said_where_the_sound_ends_is_not_lost() -> None:
    for feed in FEEDS:
        search = KeyphraseSearch(("low",), {"low": 0.0}, feed)
        told = search.live(stream_of((1.7, 8020), seconds=2.0))
        assert [(each.keyword, each.t) for each in told] == [("low", 2.0)]


def test_of_keyphrases_shown_at_once_the_likeliest_is_told() -> None:
    candidates = (
        Candidate("low", 1.0, 1.5, 5.0),
        Candidate("high", 0.9, 1.5, 9.0),
        # Began before the restart that "high" made.
        Candidate("low", 1.4, 1.8, 20.0),
        Candidate("low", 1.5, 1.9, 4.0),
    )
    told = expected(candidates, {"low": 0.0, "high": 0.0})
    assert [(each.keyword, each.t) for each in told] == [("high", 1.5), ("low", 1.9)]


words = st.lists(
    st.tuples(st.sampled_from(["low", "high"]), st.floats(0.5, 55.0), st.floats(-19.0, 40.0)),
    max_size=12,
)


@given(words, words)
def test_chosen_thresholds_keep_to_what_was_asked(
    said: list[tuple[str, float, float]], unsaid: list[tuple[str, float, float]]
) -> None:
    def scanned(found: list[tuple[str, float, float]]) -> Scanned:
        candidates = (Candidate(word, t - 0.4, t, score) for word, t, score in found)
        return Scanned(tuple(candidates), (), 1 / 60)

    truth = tuple(Word(word, 2.0 * n, 2.0 * n + 0.5) for n, word in enumerate(["low", "high"] * 5))
    spoken = [replace(scanned(said), truth=truth)]
    found = worthwhile(points(spoken, [scanned(unsaid)], ("low", "high"), "all"))
    alarms = [point.unsaid.false_alarms for point in found]
    misses = [point.said.misses for point in found]
    assert alarms == sorted(set(alarms))
    assert misses == sorted(set(misses), reverse=True)
    assert all(point.said.words == 10 for point in found)
    for most in range(11):
        assert with_alarms(found, most).unsaid.false_alarms <= max(most, alarms[0])
        assert with_misses(found, most).said.misses <= max(most, misses[-1])


def test_a_part_is_drawn_from_all_groups() -> None:
    def group(name: str) -> Group:
        pieces = tuple(
            FilePiece(f"{name} {n}", (Excerpt(Path(name), 0, 60 * RATE),)) for n in range(10)
        )
        return Group(name, "negative", calibrates=False, reports=True, pieces=pieces)

    groups = [group("a"), group("b")]
    drawn, share = part(groups, 600, 1)
    assert share == 0.5
    assert len(set(drawn)) == 10
    assert {piece.name[0] for piece in drawn} == {"a", "b"}
    assert part(groups, 600, 1) == (drawn, share)
    assert part(groups, 600, 2) != (drawn, share)
    assert part(groups, 1e9, 1) == (tuple(p for g in groups for p in g.pieces), 1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_held_out(write_data(tmp_path_factory.mktemp("data")))


@pytest.mark.usefixtures("stand_in")
def test_models_and_pocketsphinx_stand_in_one_table(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model.pt"
    save_model(untrained_model(("low", "high")), model)
    report = tmp_path / "report.json"
    arguments = ["--data", str(folder), "--model", str(model), "--split", "validation"]
    assert main([*arguments, "--json", str(report)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    for name in ("untrained ", "pocketsphinx: alarms ", "pocketsphinx: misses "):
        assert sum(line.startswith(name) for line in lines) == 1
    (comparison,) = json.loads(report.read_text())
    assert comparison["keywords"] == ["low", "high"]
    for rival in comparison["rivals"]:
        assert rival["uses"]["clean"]["words"] == 4
        assert rival["uses"]["evaluation audio"]["hours"] == pytest.approx(11 / 3600, abs=1e-4)


def test_without_pocketsphinx_there_is_a_hint(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    assert main(["--data", str(folder)]) == 2
    assert "pip install pocketsphinx" in capsys.readouterr().err


@pytest.mark.usefixtures("stand_in")
def test_a_keyword_that_is_not_in_the_dictionary_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(folder)]) == 2
    assert "dictionary lacks: yes, no, up, down" in capsys.readouterr().err

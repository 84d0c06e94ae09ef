"""Messages to lines: peaks, candidates and seconds, and nothing else."""

from collections.abc import Iterable, Sequence

from kws.protocol.events import Detected
from kws.protocol.replies import Scores, TurnedDown, Watching
from kws.tuning.recorder import Recorder
from kws.tuning.records import Begin, Candidate, Peak, Processed, Record
from tests.tuning.recordings import NOON

EVENING = "2026-11-22T18:00:00.000Z"


def watching(*keywords: str, verifier: str | None = None) -> Watching:
    thresholds = dict.fromkeys(keywords, 0.5)
    return Watching(
        stream="default",
        keywords=keywords,
        thresholds=thresholds,
        release=dict.fromkeys(keywords, 0.25),
        refractory_s=dict.fromkeys(keywords, 1.0),
        hop_s=0.1,
        bands=40,
        frames_per_hop=10,
        low_hz=0.0,
        high_hz=8000.0,
        verifier=verifier,
        verifier_thresholds={} if verifier is None else thresholds,
    )


def hop(t: float, turned_down: tuple[TurnedDown, ...] = (), **smoothed: float) -> Scores:
    return Scores(
        stream="default",
        t=t,
        level_db=-40.0,
        posteriors=dict.fromkeys(smoothed, 0.0),
        smoothed=smoothed,
        turned_down=turned_down,
    )


def started(*keywords: str, verifier: str | None = None) -> Recorder:
    recorder = Recorder("words")
    [first] = recorder.watching(watching(*keywords, verifier=verifier), NOON)
    assert isinstance(first, Begin)
    assert (first.time, first.model, first.keywords) == (NOON, "words", keywords)
    # A daemon that does not tell: any peak counts, however short.
    assert first.patience_s == dict.fromkeys(keywords, 0.0)
    return recorder


def recorded(recorder: Recorder, hops: Iterable[Scores]) -> list[Record]:
    return [record for each in hops for record in recorder.scores(each, EVENING)]


def yes(start: float, values: Sequence[float]) -> list[Scores]:
    return [hop(round(start + 0.1 * index, 3), yes=value) for index, value in enumerate(values)]


def test_a_quiet_hour_is_a_line_a_minute() -> None:
    recorder = started("yes")
    records = recorded(recorder, yes(1.0, [0.01] * 36_000))
    assert records == [Processed(60.0)] * 60
    assert list(recorder.finish()) == []


def test_peaks_come_as_they_end_and_the_rest_at_the_end() -> None:
    recorder = started("yes", "no")
    records = recorded(
        recorder, (hop(1.0, yes=0.7, no=0.3), hop(1.1, yes=0.1, no=0.4), hop(1.2, yes=0.1, no=0.4))
    )
    assert records == [Peak("yes", 1.0, 0.7)]
    assert list(recorder.finish()) == [Peak("no", 1.1, 0.4), Processed(0.3)]
    assert list(recorder.finish()) == []


def test_a_gap_ends_a_peak_and_does_not_count() -> None:
    recorder = started("yes")
    assert recorded(recorder, yes(1.0, [0.6])) == []
    assert recorded(recorder, yes(9.0, [0.7])) == [Peak("yes", 1.0, 0.6)]
    assert list(recorder.finish()) == [Peak("yes", 9.0, 0.7), Processed(0.2)]


def test_a_stream_that_starts_again_has_times_of_its_own() -> None:
    recorder = started("yes")
    recorded(recorder, yes(9.0, [0.6]))
    peak, processed, begin = recorded(recorder, yes(1.0, [0.7]))
    assert (peak, processed) == (Peak("yes", 9.0, 0.6), Processed(0.1))
    assert isinstance(begin, Begin)
    assert begin.time == EVENING
    assert list(recorder.finish()) == [Peak("yes", 1.0, 0.7), Processed(0.1)]


def test_candidates_with_a_score_whatever_became_of_them() -> None:
    recorder = started("yes", "no", verifier="second")
    rejected = TurnedDown("yes", 1.0, 0.41234, "rejected", 0.123456)
    dropped = TurnedDown("yes", 1.1, 0.4, "dropped", None)
    records = recorded(recorder, [hop(1.3, (rejected, dropped), yes=0.0, no=0.0)])
    assert records == [Candidate("yes", 1.0, 0.1235, 0.4123, confirmed=False)]
    event = Detected("default", 1.2, "no", 0.6, "words", verified=True, score=0.97)
    assert list(recorder.detected(event)) == [Candidate("no", 1.2, 0.97, 0.6, confirmed=True)]


def test_without_a_verifier_a_detection_is_in_its_peak() -> None:
    recorder = started("yes")
    recorded(recorder, yes(1.0, [0.1]))
    assert list(recorder.detected(Detected("default", 1.0, "yes", 0.6, "words"))) == []


def test_another_model_begins_anew_and_its_first_scores_wait_for_their_description() -> None:
    recorder = started("yes")
    recorded(recorder, yes(1.0, [0.6]))
    assert recorded(recorder, [hop(1.1, up=0.9)]) == []
    peak, processed, begin = recorder.reloaded("others", EVENING)
    assert (peak, processed) == (Peak("yes", 1.0, 0.6), Processed(0.1))
    assert isinstance(begin, Begin)
    assert (begin.model, begin.time) == ("others", EVENING)
    [begin] = recorder.watching(watching("up"), EVENING)
    assert isinstance(begin, Begin)
    assert (begin.model, begin.keywords) == ("others", ("up",))
    assert list(recorder.reloaded("others", EVENING)) == []
    recorded(recorder, [hop(1.2, up=0.9)])
    assert list(recorder.finish()) == [Peak("up", 1.2, 0.9), Processed(0.1)]

"""What people and programs are told of a recording."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kws.config.load import load_config
from kws.tuning.choice import Chooser
from kws.tuning.recording import Recording
from kws.tuning.report import Report
from tests.tuning.recordings import begin, recording

YES = [(float(t), round(0.6 + t / 100, 4)) for t in range(0, 40, 2)]
THRESHOLDS = {"yes": 0.5, "no": 0.6}


def report(recorded: Recording, said: dict[str, int] | None = None, rate: float = 0.5) -> Report:
    chooser = Chooser(recorded, said or {})
    return Report(recorded, chooser, said or {}, rate, chooser.choose(rate))


def test_the_tables_and_the_lines_to_paste() -> None:
    recorded = recording(begin(THRESHOLDS), 10.0, {"yes": YES, "no": [(3.0, 0.7)]})
    assert "\n".join(report(recorded).lines()) == (
        "10 hours of stream 'default', model words\n"
        "without a single false alarm in them there may still be 0.3 an hour "
        "(3/10, the 95 % upper bound)\n"
        "\n"
        "false alarms an hour, by threshold of the smoothed posterior:\n"
        "keyword  0.1   0.2   0.3   0.4   0.5   0.6   0.7   0.8   0.9  0.95  0.99\n"
        "yes        -  2.00  2.00  2.00  2.00  2.00  1.50  1.00  0.50  0.20  0.00\n"
        "no         -  0.10  0.10  0.10  0.10  0.10  0.10  0.00  0.00  0.00  0.00\n"
        "\n"
        "keyword  in use  an hour  chosen  an hour\n"
        "yes      0.5000     2.00  0.8801     0.50\n"
        "no       0.6000     0.10  0.7001     0.00\n"
        "all                 2.10             0.50\n"
        "\n"
        "every detection counts as a false alarm; subtract keywords that were really said "
        "meanwhile: --said WORD=N,...\n"
        "\n"
        "for at most 0.5 an hour, in config.yaml:\n"
        "\n"
        "keywords:\n"
        "  yes: {threshold: 0.8801}\n"
        "  no: {threshold: 0.7001}"
    )


def test_what_was_said_is_named() -> None:
    recorded = recording(begin(THRESHOLDS), 10.0, {"yes": YES})
    text = "\n".join(report(recorded, {"yes": 18}).lines())
    assert "since they were really said: yes 18 times" in text
    assert "they stay" in text
    assert "keywords:" not in text


def test_without_a_choice_the_tables_remain() -> None:
    recorded = recording(begin(THRESHOLDS), 1.0, {"yes": YES})
    bare = Report(recorded, Chooser(recorded, {}), {}, 0.5, None)
    text = "\n".join(bare.lines())
    assert "20.00" in text
    assert "chosen" not in text
    assert json.loads(bare.to_json())["yaml"] is None


def test_programs_get_the_same() -> None:
    first = begin(THRESHOLDS, verifier_thresholds={"yes": 0.8, "no": 0.9})
    said = json.loads(report(recording(first, 10.0, {"yes": YES}), {"no": 1}).to_json())
    assert (said["hours"], said["verifier"], said["upper_bound"]) == (10.0, "second", 0.3)
    yes = said["keywords"]["yes"]
    assert (yes["said"], yes["in_use"]) == (0, {"threshold": 0.8, "alarms": 10})
    assert yes["chosen"] == {"threshold": 0.8801, "alarms": 5}
    assert {"threshold": 0.9, "alarms": 5} in yes["curve"]
    assert said["keywords"]["no"]["said"] == 1
    assert "yes: {verifier_threshold: 0.8801}\n" in said["yaml"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=6)
        | st.sampled_from(["yes", "no", "true", "null", "~", "on", "1", "a: b", "#x", "1e3"]),
        min_size=1,
        max_size=4,
        unique=True,
    ),
    st.booleans(),
)
def test_the_lines_to_paste_are_configuration(
    tmp_path: Path, words: list[str], verified: bool
) -> None:
    in_use = dict.fromkeys(words, 0.7)
    first = begin(in_use, verifier_thresholds=in_use if verified else None)
    recorded = recording(first, 10.0, dict.fromkeys(words, YES))
    said = json.loads(report(recorded).to_json())
    path = tmp_path / "config.yaml"
    path.write_text(said["yaml"], encoding="utf-8")
    keywords = load_config(path).keywords
    assert list(keywords) == words
    for word, each in keywords.items():
        level = each.verifier_threshold if verified else each.threshold
        assert level == pytest.approx(said["keywords"][word]["chosen"]["threshold"])

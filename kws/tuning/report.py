"""What a recording of scores shows, for people and for programs. Pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kws.spotting.calibration import rounded
from kws.tuning.choice import Choice, Chooser
from kws.tuning.recording import Recording

_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_PLAIN = re.compile(r"[A-Za-z_]\w*")
_NOT_TEXT = frozenset(("true", "false", "null", "nan", "inf"))
"""Words that YAML 1.2 takes for something else, in lower case."""


class Report:
    """Says what a recording shows.

    Args:
        recording: what was recorded.
        chooser: counts in it.
        said: how often each keyword was really said.
        rate: false alarms per hour that were asked for.
        choice: the thresholds for them; None where they cannot be chosen.
    """

    def __init__(
        self,
        recording: Recording,
        chooser: Chooser,
        said: Mapping[str, int],
        rate: float,
        choice: Choice | None,
    ) -> None:
        self._recording, self._chooser = recording, chooser
        self._said, self._rate, self._choice = said, rate, choice
        self._now = chooser.at(recording.begin.in_use)

    def lines(self) -> Iterator[str]:
        """The tables and the lines to paste."""
        begin, hours = self._recording.begin, rounded(self._recording.hours)
        verifier = f", verifier {begin.verifier}" if begin.verifier is not None else ""
        yield f"{hours} hours of stream {begin.stream!r}, model {begin.model}{verifier}"
        if self._recording.left_out_s:
            yield (
                f"{rounded(self._recording.left_out_s / 3600)} more hours are left out: model, "
                "stream, verifier or trigger were others then"
            )
        yield (
            "without a single false alarm in them there may still be "
            f"{rounded(self._chooser.least, 2)} an hour (3/{hours}, the 95 % upper bound)"
        )
        yield ""
        score = "the verifier's score" if self._recording.verified else "the smoothed posterior"
        yield f"false alarms an hour, by threshold of {score}:"
        yield from _aligned(self._curve())
        yield ""
        yield from _aligned(self._thresholds())
        yield ""
        yield self._assumption()
        if self._choice is not None:
            yield ""
            yield from self._result(self._choice)

    def to_json(self) -> str:
        """The same as one JSON object, on one line."""
        recording, begin = self._recording, self._recording.begin
        choice = self._choice
        report: dict[str, Any] = {
            "hours": round(recording.hours, 4),
            "left_out_hours": round(recording.left_out_s / 3600, 4),
            "unreadable_lines": recording.unreadable,
            "stream": begin.stream,
            "model": begin.model,
            "verifier": begin.verifier,
            "upper_bound": round(self._chooser.least, 4),
            "false_alarms_per_hour": self._rate,
            "keywords": {
                word: {
                    "said": self._said.get(word, 0),
                    "in_use": {"threshold": level, "alarms": self._now.counts[word]},
                    "chosen": None
                    if choice is None
                    else {"threshold": choice.thresholds[word], "alarms": choice.counts[word]},
                    "curve": [
                        {"threshold": each, "alarms": self._chooser.count(word, each)}
                        for each in self._levels(word)
                    ],
                }
                for word, level in begin.in_use.items()
            },
            "yaml": None if choice is None else "\n".join(self._yaml(choice)) + "\n",
        }
        return json.dumps(report, ensure_ascii=False, separators=(",", ":"))

    def _levels(self, keyword: str) -> list[float]:
        return [each for each in _LEVELS if each >= self._chooser.lowest(keyword)]

    def _curve(self) -> Iterator[list[str]]:
        yield ["keyword", *(f"{level:g}" for level in _LEVELS)]
        for word in self._recording.begin.keywords:
            known = set(self._levels(word))
            yield [
                word,
                *(
                    self._per_hour(self._chooser.count(word, level)) if level in known else "-"
                    for level in _LEVELS
                ),
            ]

    def _thresholds(self) -> Iterator[list[str]]:
        choices = [self._now] + ([self._choice] if self._choice is not None else [])
        titles = ("in use", "chosen")[: len(choices)]
        yield ["keyword", *(cell for title in titles for cell in (title, "an hour"))]
        for word in self._recording.begin.keywords:
            yield [
                word,
                *(
                    cell
                    for each in choices
                    for cell in (f"{each.thresholds[word]:.4f}", self._per_hour(each.counts[word]))
                ),
            ]
        totals = (self._per_hour(sum(each.counts.values())) for each in choices)
        yield ["all", *(cell for total in totals for cell in ("", total))]

    def _assumption(self) -> str:
        if not self._said:
            return (
                "every detection counts as a false alarm; subtract keywords that were really said "
                "meanwhile: --said WORD=N,..."
            )
        said = ", ".join(f"{word} {count} times" for word, count in self._said.items())
        return f"subtracted, since they were really said: {said}; all else counts as a false alarm"

    def _result(self, choice: Choice) -> Iterator[str]:
        if choice.thresholds == self._now.thresholds:
            yield (
                f"the thresholds in use give at most {self._rate:g} an hour, and nothing recorded "
                "says that lower ones give more: they stay"
            )
        else:
            yield f"for at most {self._rate:g} an hour, in config.yaml:"
            yield ""
            yield from self._yaml(choice)

    def _yaml(self, choice: Choice) -> Iterator[str]:
        key = "verifier_threshold" if self._recording.verified else "threshold"
        yield "keywords:"
        for word, level in choice.thresholds.items():
            yield f"  {_scalar(word)}: {{{key}: {level:g}}}"

    def _per_hour(self, count: int) -> str:
        return f"{count / self._recording.hours:.2f}"


def _aligned(rows: Iterator[list[str]]) -> Iterator[str]:
    """Rows as text: the first column to the left, all others to the right."""
    cells: Sequence[Sequence[str]] = list(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for first, *others in cells:
        rest = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        yield "  ".join((first.ljust(widths[0]), *rest)).rstrip()


def _scalar(word: str) -> str:
    """A word as a key of YAML 1.2, in quotes where it needs them."""
    plain = _PLAIN.fullmatch(word) and word.lower() not in _NOT_TEXT
    return word if plain else json.dumps(word, ensure_ascii=False)

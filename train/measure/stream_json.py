"""A stream report for programs, and the few figures of it that a model file holds."""

from typing import Any

import msgspec

from train.measure.scoring import Tally, together
from train.measure.stream_report import Result, StreamReport
from train.measure.stream_table import notes


def as_json(report: StreamReport) -> dict[str, Any]:
    """The report for programs: plain values."""
    both = report.by_keyword()
    whole: dict[str, Any] = msgspec.to_builtins(report)
    return {
        **{name: whole[name] for name in ("model", "context", "split", "hop_s")},
        **{name: whole[name] for name in ("trigger", "verifier")},
        "keywords": {keyword: figures(tally) for keyword, tally in both.items()},
        "overall": figures(together(both.values())),
        "groups": [
            {
                "name": result.name,
                "kind": result.kind,
                "use": use(result),
                "spoken": result.spoken,
                "overall": figures(result.total),
                "keywords": {name: figures(tally) for name, tally in result.keywords.items()},
            }
            for result in report.results
        ],
        **{
            name: whole[name]
            for name in (
                "calibration", "calibrated_at", "tried", "curves", "misses", "false_alarms",
                "lookahead_s", "verifier_thresholds", "candidates_per_hour",
            )
        },
        "notes": notes(report),
    }  # fmt: skip


def use(result: Result) -> str:
    """What audio may be used for: "calibration" or "evaluation"."""
    return "calibration" if result.calibrates else "evaluation"


def figures(tally: Tally) -> dict[str, Any]:
    """Counts and rates, rounded; rates are per hour, delays in seconds."""
    low, high = tally.miss_interval
    median, late = tally.delay(50), tally.delay(95)
    values: dict[str, Any] = {}
    if tally.words:
        values |= {
            "words": tally.words,
            "hits": tally.hits,
            "misses": tally.misses,
            "miss_rate": round(tally.misses / tally.words, 4),
            "miss_rate_95": [round(low, 4), round(high, 4)],
        }
    if tally.hours:
        values |= {
            "false_alarms": tally.false_alarms,
            "hours": round(tally.hours, 4),
            "false_alarms_per_hour": round(tally.false_alarms / tally.hours, 3),
            "false_alarms_per_hour_below": round(tally.false_alarm_bound, 3),
        }
    if median is not None and late is not None:
        values |= {"delay_median_s": round(median, 3), "delay_p95_s": round(late, 3)}
    return values


def summary(report: StreamReport) -> dict[str, Any]:
    """The few figures that a model file says of itself."""
    content = as_json(report)
    return {
        "split": report.split,
        "keywords": content["keywords"],
        "overall": content["overall"],
        "groups": {
            each["name"]: {"use": each["use"], **each["overall"]} for each in content["groups"]
        },
    }

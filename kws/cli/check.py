"""`kws check`: whether configuration and model are in order."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kws.cli.options import add_config_arguments, file_of, naming_the_file, read_config
from kws.printing import print_line

if TYPE_CHECKING:
    from kws.spotting.calibration import Calibration, OperatingPoint
    from kws.spotting.spotter import Spotter

_ROWS = 12
"""Operating points that are printed, about; a curve may have many more."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_config_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    config = read_config(options)

    import os

    from kws.engine.build import (
        calibration_of,
        make_spotter,
        operating_point,
        warn_of_other_hop,
    )
    from kws.integrations.build import check_integrations
    from kws.serving.auth import read_access
    from kws.spotting.load import load_model

    model = load_model(config.model.path, config.model.engine, config.model.verifier)
    with naming_the_file(options):
        read_access(config.server, os.environ)
        spotter = make_spotter(config, model)
        calibration = calibration_of(config, model)
        chosen = operating_point(config, calibration)
        integrations = list(check_integrations(config, os.environ))
    warn_of_other_hop(spotter)
    print_line(f"configuration: {file_of(options) or 'the defaults'}: in order")
    print_line(
        f"model: {model.header.name}, {model.header.architecture}, "
        f"{model.parameters:,} parameters, {model.sample_rate} Hz, hop {spotter.hop_s:g} s, "
        f"engine {model.backend.engine}"
    )
    for line in verifier_lines(spotter):
        print_line(line)
    for keyword, settings in spotter.trigger.items():
        print_line(
            f"keyword: {keyword}, threshold {settings.threshold:g}, "
            f"smoothing {settings.smoothing_s:g} s, patience {settings.patience_s:g} s, "
            f"refractory {settings.refractory_s:g} s, release {settings.release:g}"
        )
    for line in integrations:
        print_line(line)
    if calibration is not None:
        thresholds = spotter.verifier_thresholds or spotter.thresholds
        for line in calibration_lines(calibration, chosen, thresholds):
            print_line(line)
    return 0


def verifier_lines(spotter: "Spotter") -> Iterator[str]:
    """The verifier and its settings, for people; nothing without one."""
    verification, pair = spotter.verification, spotter.model.header.pair
    if verification is None or pair is None:
        return
    others = [
        f"{each.lookahead_s:g}"
        for each in pair.lookaheads
        if each.lookahead_s != verification.lookahead_s
    ]
    instead = f" (detection.lookahead_s may be {', '.join(others)} s instead)" if others else ""
    levels = ", ".join(f"{word} {level:g}" for word, level in verification.thresholds.items())
    yield (
        f"verifier: {verification.verifier.name}, {verification.verifier.parameters:,} parameters, "
        f"lookahead {verification.lookahead_s:g} s{instead}, thresholds: {levels}"
    )


def calibration_lines(
    calibration: "Calibration", chosen: "OperatingPoint | None", thresholds: dict[str, float]
) -> Iterator[str]:
    """What other thresholds would cost, for people.

    Args:
        calibration: the model's.
        chosen: the point that the configuration asks for, if any.
        thresholds: those in force, by keyword.
    """
    from kws.spotting.calibration import rounded, two_digits_up

    yield (
        f"calibration: {rounded(calibration.hours)} hours without keywords; "
        f"detection.false_alarms_per_hour can be {two_digits_up(calibration.least)} or more"
    )
    yield "  false alarms/hour    missed  thresholds"
    last = len(calibration.points) - 1
    for index, point in enumerate(calibration.points):
        # Of a long curve points at equal steps, both ends, and always the chosen one.
        if index % (1 + last // _ROWS) and index != last and point is not chosen:
            continue
        levels = sorted({f"{level:.3f}" for level in point.thresholds.values()})
        yield (
            f"{'*' if point is chosen else ' '} {rounded(point.false_alarms_per_hour):>17}"
            f"  {100 * point.miss_rate:6.1f} %  {' to '.join((levels[0], *levels[1:][-1:]))}"
        )
    if chosen is None:
        yield "calibration: none is chosen; detection.false_alarms_per_hour is not set"
        return
    own = [keyword for keyword, level in thresholds.items() if level != chosen.thresholds[keyword]]
    but = f", but not for {', '.join(own)}: trigger or keywords set a threshold" if own else ""
    yield f"calibration: the thresholds marked * are chosen{but}"

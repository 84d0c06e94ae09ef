"""A keyword model and a verifier together: which verifier, and what the two were calibrated for."""

from collections.abc import Set
from dataclasses import dataclass

from kws.spotting.calibration import Calibration
from kws.spotting.trigger import TriggerSettings
from kws.spotting.verifier import check_limits


@dataclass(frozen=True)
class Lookahead:
    """What the pair does with one lookahead of the verifier.

    Attributes:
        lookahead_s: time after a candidate that the verifier gets to see, seconds. It delays every
            detection.
        thresholds: the verifier's score that each keyword has to reach.
        calibration: what other thresholds cost.
    """

    lookahead_s: float
    thresholds: dict[str, float]
    calibration: Calibration

    def __post_init__(self) -> None:
        check_limits(self.lookahead_s, self.thresholds)


@dataclass(frozen=True)
class Pair:
    """How a keyword model works with a verifier.

    Attributes:
        verifier: name of its file.
        weights_sha256: digest of its weights: the settings are worth nothing with others.
        trigger: settings of each keyword, by which candidates are proposed.
        lookaheads: there is one at least; the first is the default.
    """

    verifier: str
    weights_sha256: str
    trigger: dict[str, TriggerSettings]
    lookaheads: tuple[Lookahead, ...]

    def __post_init__(self) -> None:
        keywords = self.keywords
        thresholds = [each.thresholds for each in self.lookaheads]
        for each in self.lookaheads:
            thresholds += [point.thresholds for point in each.calibration.points]
        if not thresholds or any(set(each) != keywords for each in thresholds):
            raise ValueError("lookaheads must be given, with thresholds for exactly the keywords")

    @property
    def keywords(self) -> Set[str]:
        """The keywords that there are settings for."""
        return set(self.trigger)

    def at(self, lookahead_s: float | None) -> Lookahead:
        """A lookahead; the default for None.

        Raises:
            ValueError: the pair was not calibrated for it.
        """
        if lookahead_s is None:
            return self.lookaheads[0]
        for each in self.lookaheads:
            if abs(each.lookahead_s - lookahead_s) < 1e-9:
                return each
        known = ", ".join(f"{each.lookahead_s:g}" for each in self.lookaheads)
        raise ValueError(f"{lookahead_s:g} s is none that the model was calibrated for: {known}")

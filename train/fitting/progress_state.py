"""How far a training has come: what a checkpoint holds beside the network."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from train.fitting.learner import Tally
from train.scenes.sources import Moment


@dataclass(frozen=True)
class EpochRecord:
    """Figures of an epoch.

    Attributes:
        epoch: from 1.
        loss: mean cross entropy of its training windows, nats.
        accuracy: share of them decided right while it went on.
        validation_accuracy: share of the keywords' validation clips decided right after it; None
            where there are none.
        validation_rejection: share of the other validation clips rejected; None likewise.
        learning_rate: of its last step.
        seconds: of training in it, looking for hard negatives and validation included.
    """

    epoch: int
    loss: float
    accuracy: float
    validation_accuracy: float | None
    validation_rejection: float | None
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class ProgressState:
    """How far a training has come.

    Attributes:
        epoch: that is going on, from 0.
        step: next one in it.
        tally: of the steps before that.
        seconds: that the epoch has taken.
        hard: hard negatives of the last search.
        history: of the epochs before.
    """

    epoch: int = 0
    step: int = 0
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    hard: tuple[Moment, ...] = ()
    history: tuple[EpochRecord, ...] = ()

    @property
    def begun(self) -> bool:
        """Whether a step has been done."""
        return bool(self.epoch or self.step)

    def next_epoch(self, record: EpochRecord) -> Self:
        """After the epoch that `record` is of."""
        return replace(
            self,
            epoch=self.epoch + 1,
            step=0,
            tally=Tally(),
            seconds=0.0,
            history=(*self.history, record),
        )

    def plain(self) -> dict[str, Any]:
        """The same as plain values."""
        values = asdict(self)
        values["hard"] = [(str(each.path), each.end, each.posterior) for each in self.hard]
        return values

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """Back from plain values.

        Raises:
            KeyError, TypeError, ValueError: they are something else.
        """
        return cls(
            epoch=int(values["epoch"]),
            step=int(values["step"]),
            tally=Tally(**values["tally"]),
            seconds=float(values["seconds"]),
            hard=tuple(Moment(Path(path), *rest) for path, *rest in values["hard"]),
            history=tuple(EpochRecord(**record) for record in values["history"]),
        )

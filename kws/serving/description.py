"""The messages that describe the daemon: its model and thresholds, and its sources."""

from kws.engine.engine import Engine
from kws.protocol.replies import Hello, Started, Watching


class Description:
    """An engine's model, thresholds and sources, as they are now.

    Args:
        engine: what to describe.
        run: identifies this start of the daemon.
    """

    def __init__(self, engine: Engine, run: str) -> None:
        self._engine, self._run = engine, run

    @property
    def keywords(self) -> tuple[str, ...]:
        """Those of the model."""
        return self._engine.inference.model.classes

    @property
    def own_stream(self) -> str:
        """Name of the daemon's own stream."""
        return self._engine.stream.name

    def hello(self, seq: int) -> Hello:
        """The first message to a subscriber; `seq` is the next event's number."""
        spotter = self._engine.spotter
        return Hello(
            run=self._run,
            seq=seq,
            model=spotter.model.header.name,
            keywords=spotter.model.classes,
            thresholds=spotter.thresholds,
            sources=tuple(each.summary() for each in self._engine.states()),
            muted=self._engine.muted,
        )

    def started(self, stream: str, seq: int) -> Started:
        """The reply to the sender of a stream; `seq` is the next event's number."""
        spotter = self._engine.spotter
        return Started(
            run=self._run,
            seq=seq,
            stream=stream,
            model=spotter.model.header.name,
            keywords=spotter.model.classes,
            thresholds=spotter.thresholds,
        )

    def watching(self, stream: str) -> Watching:
        """What is the same for the scores of all hops of a stream."""
        spotter = self._engine.spotter
        settings = spotter.model.header.front_end
        return Watching(
            stream=stream,
            keywords=spotter.model.classes,
            thresholds=spotter.thresholds,
            release={word: each.release for word, each in spotter.trigger.items()},
            refractory_s={word: each.refractory_s for word, each in spotter.trigger.items()},
            hop_s=spotter.hop_s,
            bands=settings.bands,
            frames_per_hop=spotter.hop_frames,
            low_hz=settings.low_hz,
            high_hz=settings.high_hz,
            verifier=spotter.verifier_name,
            verifier_thresholds=spotter.verifier_thresholds,
            patience_s={word: each.patience_s for word, each in spotter.trigger.items()},
        )

"""No source of one's own, for a daemon that hears what others send."""

from kws.audio.feed import AudioFormat, Feed


class NoSource:
    """Delivers nothing, and never ends.

    Args:
        model_rate: samples per second that the model hears.
    """

    kind = "network"
    name = "sound over the network"
    stream = "network"
    live = False
    comes_back = False

    def __init__(self, model_rate: int) -> None:
        self._format = AudioFormat(model_rate, 1)

    def open(self) -> AudioFormat:
        return self._format

    def start(self, feed: Feed) -> None:
        """Nothing to do: sound comes in streams of their own."""

    def stop(self) -> None:
        """Nothing to do."""

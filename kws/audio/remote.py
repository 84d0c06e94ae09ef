"""A stream that somebody else sends: bytes in, feeds out. Pure; its owner has socket and clock."""

from collections.abc import Callable

from kws.audio.feed import Feed
from kws.audio.liveness import Patience, Trouble, Watch
from kws.audio.pcm import PcmDecoder
from kws.errors import DeviceError, SilentError, TooFastError
from kws.typing import AudioFormat, PcmFormat

AHEAD_WARNING_S, AHEAD_LIMIT_S = 2.5, 5.0
"""Seconds ahead of real time at which a sender is told to slow down, and refused."""
_DRIFT = 1.02
"""A sound card's second may be shorter than ours; what comes so much too fast is not ahead."""


class RateLimit:
    """Counts by how much a stream is ahead of real time.

    A pause gives nothing to spend later: what was held back during a break of the network, and
    comes after it in one piece, is ahead too.

    Args:
        now: by the clock, seconds.
    """

    def __init__(self, now: float) -> None:
        self.ahead_s = 0.0
        self._then = now

    def add(self, seconds: float, now: float) -> float:
        """So much audio has come by now; how far it is ahead, in seconds."""
        passed, self._then = now - self._then, now
        self.ahead_s = max(0.0, self.ahead_s - _DRIFT * passed) + seconds
        return self.ahead_s


class Remote:
    """The receiving end of one stream.

    A sender that pauses is lost, as a microphone is, and comes back with its next sound; so is one
    that sends nothing but zeros.

    Args:
        pcm: what its bytes mean.
        attach: takes each feed.
        new_feed: a feed for mono sound.
        patience: how long it may be quiet.
        clock: seconds, monotonic.

    Attributes:
        reason: why there is no sound; empty while there is.
        last_audio: when sound last came, by the clock; None if it never did.
        losses: how often sound was lost.
    """

    def __init__(
        self,
        pcm: PcmFormat,
        attach: Callable[[Feed], None],
        new_feed: Callable[[AudioFormat], Feed],
        patience: Patience,
        clock: Callable[[], float],
    ) -> None:
        self.format = pcm.audio
        self.reason = ""
        self.last_audio: float | None = None
        self.losses = 0
        self._decoder = PcmDecoder(pcm)
        self._attach, self._new_feed = attach, new_feed
        self._patience, self._clock = patience, clock
        self._rate = RateLimit(clock())
        self._watch = Watch(patience, clock())
        self._silent = False
        self._feed: Feed | None = None

    def receive(self, data: bytes) -> float:
        """Take the next bytes.

        Returns:
            By how many seconds they are ahead of real time.

        Raises:
            TooFastError: that is too much; these bytes are not heard.
        """
        # Mixed down here: a ring of many channels would be dear.
        frames = self._decoder.push(data).mean(axis=1, keepdims=True)
        now = self._clock()
        ahead = self._rate.add(len(frames) / self.format.sample_rate, now)
        if ahead > AHEAD_LIMIT_S:
            raise TooFastError(
                f"sound comes faster than real time, and is {ahead:.1f} s ahead; at most "
                f"{AHEAD_LIMIT_S:g} s are taken"
            )
        if not len(frames):
            return ahead
        if self._feed is None:
            self._feed = self._new_feed(AudioFormat(self.format.sample_rate, 1))
            self._watch = Watch(self._patience, now)
            self._attach(self._feed)
        self._feed.write(frames)
        self.last_audio = now
        if not self._silent or self._feed.last_sound is not None:
            self.reason, self._silent = "", False
        return ahead

    def gap(self, seconds: float) -> None:
        """Its sender says that sound is missing here."""
        if self._feed is not None:
            self._feed.lose(round(seconds * self.format.sample_rate))

    def look(self) -> None:
        """Find out whether sound still comes; to be called several times a second."""
        if self._feed is None:
            return
        match self._watch.look(self._clock(), self._feed.last_audio, self._feed.last_sound):
            case Trouble.LOST:
                after = self._patience.lost_after
                self._lose(DeviceError(f"its sender has delivered nothing for {after:g} s"))
            case Trouble.SILENT:
                self._lose(
                    SilentError(
                        "its sender has delivered nothing but digital silence for "
                        f"{self._patience.silent_after:g} s"
                    )
                )

    def end(self, silence_s: float = 0.0) -> int:
        """There will be no more.

        Args:
            silence_s: seconds of silence after it, so that a word at its very end is heard.

        Returns:
            Bytes of an unfinished frame that are left over.
        """
        if self._feed is not None:
            if silence_s:
                self._feed.write_silence(silence_s)
            self._feed.end()
            self._feed = None
        return len(self._decoder.left_over)

    def _lose(self, error: DeviceError) -> None:
        assert self._feed is not None
        self._feed.end(error)
        self._feed = None
        if not self.reason:
            self.losses += 1
        self.reason, self._silent = str(error), isinstance(error, SilentError)

"""A stream that a sender sends: bytes in, feeds out. Pure; its owner has socket and clock."""

from kws.audio.feed import Feed, Sink
from kws.audio.liveness import IdleTimeouts, Liveness, Trouble
from kws.audio.pcm import PcmDecoder
from kws.audio.resample import clean
from kws.errors import DeviceError, SilentError, TooFastError
from kws.typing import AudioFormat, Clock, PcmFormat

AHEAD_WARNING_S, AHEAD_LIMIT_S = 2.5, 5.0
"""Seconds ahead of real time at which a sender is warned, and refused."""
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

    A sender that pauses is lost, as a microphone is, and comes back with its next audio; so is one
    that sends nothing but zeros.

    Args:
        pcm: what its bytes mean.
        sink: takes its audio, as mono.
        timeouts: how long it may be idle.
        clock: seconds, monotonic.

    Attributes:
        format: of what it sends.
        liveness: whether it delivers.
        not_finite: samples that were not finite, and were taken as silence.
    """

    def __init__(
        self,
        pcm: PcmFormat,
        sink: Sink,
        timeouts: IdleTimeouts,
        clock: Clock,
    ) -> None:
        self.format = pcm.audio
        self.liveness = Liveness(timeouts, clock())
        self._decoder = PcmDecoder(pcm)
        self._sink = sink
        self._timeouts, self._clock = timeouts, clock
        self._rate = RateLimit(clock())
        self._feed: Feed | None = None
        self.not_finite = 0

    def receive(self, data: bytes) -> float:
        """Take the next bytes.

        Returns:
            By how many seconds they are ahead of real time.

        Raises:
            TooFastError: that is too much; these bytes are dropped.
        """
        # Mixed down here: a ring of many channels would take much memory.
        frames, not_finite = clean(self._decoder.push(data))
        self.not_finite += not_finite
        frames = frames.mean(axis=1, keepdims=True)
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
            self._feed = self._sink.open(AudioFormat(self.format.sample_rate, 1))
            self.liveness.start(now, self._timeouts)
        self._feed.write(frames)
        self.liveness.delivered(self._feed.first_audio, now, self._feed.last_sound)
        return ahead

    def gap(self, seconds: float) -> None:
        """Audio is missing here, as its sender reports."""
        if self._feed is not None:
            self._feed.lose(round(seconds * self.format.sample_rate))

    def poll(self) -> bool:
        """Whether it has just been lost; to be called several times a second."""
        if self._feed is None:
            return False
        feed, timeouts = self._feed, self._timeouts
        match self.liveness.poll(self._clock(), feed.last_audio, feed.last_sound):
            case None:
                return False
            case Trouble.LOST:
                error = DeviceError(
                    f"its sender has delivered nothing for {timeouts.lost_after:g} s"
                )
            case Trouble.SILENT:
                error = SilentError(
                    "its sender has delivered nothing but digital silence for "
                    f"{timeouts.silent_after:g} s"
                )
        feed.end(error)
        self._feed = None
        return self.liveness.lose(Trouble.of(error), str(error))

    def end(self, silence_s: float = 0.0) -> int:
        """There will be no more.

        Args:
            silence_s: seconds of silence after it, so that a word at its very end is detected.

        Returns:
            Bytes of an unfinished frame that are left over.
        """
        if self._feed is not None:
            if silence_s:
                self._feed.write_silence(silence_s)
            self._feed.end()
            self._feed = None
        return len(self._decoder.left_over)

"""What a user can be told: every error has a message that stands alone and an exit code."""

from typing import ClassVar


class KwsError(Exception):
    """An error that a user can correct; its message says what, where and what to do."""

    exit_code: ClassVar[int] = 1


class AudioFileError(KwsError):
    """An audio file is missing, empty, damaged or of an unknown format."""

    exit_code = 1


class HistoryFileError(KwsError):
    """The database of a history cannot be read."""

    exit_code = 1


class OutputError(KwsError):
    """Standard output cannot be written, as on a full disk."""

    exit_code = 1


class ClosedOutputError(OutputError):
    """The reader of standard output has ended, as `head` in `kws send FILE | head`.

    The exit code is that of other programs then, which SIGPIPE ends: 128 and its number.
    """

    exit_code = 141


class ConfigError(KwsError):
    """The configuration, or the command line, is not valid."""

    exit_code = 2


class ModelError(KwsError):
    """The model file is missing, damaged, foreign or refused."""

    exit_code = 3


class DeviceError(KwsError):
    """The audio device cannot be opened, or stopped delivering."""

    exit_code = 4


class NoMicrophoneError(DeviceError):
    """This machine has no microphone that can be used, or PortAudio is missing."""


class SilentError(DeviceError):
    """The audio device delivers only zeros."""


class HungError(DeviceError):
    """A call into the audio system does not return; the process has to be restarted."""

    exit_code = 6


class ServerError(KwsError):
    """The server cannot listen, or cannot be reached."""

    exit_code = 5


class MutingError(ServerError):
    """The daemon cannot be muted, or may not be unmuted from elsewhere."""


class ServiceError(KwsError):
    """The service of systemd cannot be installed or removed."""

    exit_code = 7


class TooFastError(Exception):
    """A sender's audio comes much faster than real time."""

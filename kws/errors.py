"""What a user can be told: every error has a message that stands alone and an exit code."""

from typing import ClassVar


class KwsError(Exception):
    """An error that a user can mend; its message says what, where and what to do."""

    exit_code: ClassVar[int] = 1


class AudioFileError(KwsError):
    """An audio file is missing, empty, damaged or of an unknown format."""

    exit_code = 1


class OutputError(KwsError):
    """Standard output cannot be written, as on a full disk."""

    exit_code = 1


class ClosedOutputError(OutputError):
    """Nobody reads standard output any more: the end of a pipe, as of `kws send FILE | head`."""


class ConfigError(KwsError):
    """The configuration, or the command line, says something that cannot be."""

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
    """The audio device delivers, but nothing but zeros."""


class HungError(DeviceError):
    """The audio system does not come back; only the end of the process helps."""

    exit_code = 6


class ServerError(KwsError):
    """The server cannot listen, or cannot be reached."""

    exit_code = 5


class ServiceError(KwsError):
    """kws cannot be made a service of systemd, or be one no more."""

    exit_code = 7


class TooFastError(Exception):
    """A sender's audio comes much faster than real time."""

"""`kws send`: send audio to a daemon elsewhere, and print what is detected in it."""

import argparse
import asyncio
import logging
import os
import platform
import signal
import sys
from typing import get_args

import msgspec

from kws.cli.options import add_token_argument, channel, default_url
from kws.config.schema import AudioConfig, RawType
from kws.config.token import find_token
from kws.errors import ConfigError
from kws.protocol.codes import AUDIO_PATH

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "source",
        nargs="?",
        metavar="FILE",
        help="a recording, or - for WAV or raw samples on standard input",
    )
    parser.add_argument("--microphone", action="store_true", help="send this machine's microphone")
    parser.add_argument(
        "--device", default="", metavar="NAME", help="the microphone's name, or a part of it"
    )
    url = default_url(AUDIO_PATH)
    parser.add_argument("--url", default=url, help=f"default: {url}")
    parser.add_argument(
        "--stream", metavar="NAME", help="name of the stream; default: this machine's name"
    )
    add_token_argument(parser)
    parser.add_argument(
        "--rate", type=int, default=16_000, metavar="HZ", help="of raw samples; default: 16000"
    )
    parser.add_argument(
        "--channels", type=int, default=1, metavar="N", help="of raw samples; default: 1"
    )
    parser.add_argument(
        "--channel",
        type=channel,
        default="mix",
        metavar="N",
        help="send this channel only, 0 or more; default: the mean of all",
    )
    parser.add_argument(
        "--format",
        choices=get_args(RawType),
        default="s16le",
        help="of raw samples; default: s16le",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command, until the audio ends or a signal arrives."""
    if (options.source is None) is not options.microphone:
        raise ConfigError("kws send: name one source: a FILE, - or --microphone")
    asyncio.run(_send(options))
    return 0


async def _send(options: argparse.Namespace) -> None:
    from kws.audio.source import ConfiguredSource, first_source
    from kws.client.connection import Endpoint
    from kws.client.send import SENT_RATE, Sender, stream_name

    audio = _audio(options)
    endpoint = Endpoint(options.url, AUDIO_PATH, find_token(options.token_file, os.environ))
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    first = await first_source(audio, SENT_RATE)
    if first.error is not None:
        log.warning("%s; waiting for it", first.error)
    sender = Sender(
        first.source,
        ConfiguredSource(audio, SENT_RATE),
        endpoint,
        options.stream or stream_name(platform.node()),
        sys.stdout,
    )
    await sender.run(first.opened, stopping)


def _audio(options: argparse.Namespace) -> AudioConfig:
    """The source, as the daemon's configuration would name it.

    Raises:
        ConfigError: rate or channels are out of range.
    """
    source = "microphone" if options.microphone else options.source
    if not options.microphone and source in ("microphone", "demo", "network", "auto"):
        # A file of that name is meant.
        source = f"./{source}"
    values = {
        "source": source,
        "device": options.device,
        "channel": options.channel,
        "stdin_rate": options.rate,
        "stdin_channels": options.channels,
        "stdin_format": options.format,
    }
    try:
        return msgspec.convert(values, AudioConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"kws send: {error} (--rate, --channels, --channel)") from error

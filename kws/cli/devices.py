"""`kws devices`: the microphones, and the level of one of them."""

import argparse
import logging
import os
from functools import partial

from kws.cli.options import add_config_arguments, read_config
from kws.config.schema import Config
from kws.errors import DeviceError, HungError
from kws.printing import print_line

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_config_arguments(parser)
    parser.add_argument("--device", metavar="NAME", help="the microphone's name, or a part of it")
    parser.add_argument(
        "--meter",
        action="store_true",
        help="show the level and each keyword's posterior of the one that is used, until Ctrl-C",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    overrides = [("audio.device", options.device)] if options.device is not None else []
    config = read_config(options, *overrides)
    (_meter if options.meter else _list)(config)
    return 0


def _list(config: Config) -> None:
    """Print a line for each device.

    Raises:
        DeviceError: the one that the configuration names is not among them.
        HungError: the audio system hangs.
    """
    from kws.audio.device import choose_device
    from kws.audio.portaudio import capture_format, input_devices
    from kws.audio.timeout import run_with_timeout
    from kws.config.schema import NO_VERIFIER
    from kws.spotting.load import load_model

    channel = config.audio.channel
    rate = load_model(config.model.path, config.model.engine, NO_VERIFIER).sample_rate
    devices = run_with_timeout(input_devices)
    chosen = None
    try:
        choice = choose_device(devices, config.audio.device)
        chosen = choice.device
        if choice.others:
            log.warning("%s", choice.told(config.audio.device))
    finally:
        print_line(
            "  name, host API, channels, native rate, how it opens (* = the one that is used)"
        )
        for device in devices:
            try:
                opened = run_with_timeout(
                    partial(capture_format, device, rate, config.audio.device_rate, channel)
                )
            except HungError:
                raise
            except DeviceError:
                opens = "does not open"
            else:
                found = opened.sample_rate
                resampled = "" if found == rate else f", resampled to {rate} Hz"
                opens = f"opens at {found} Hz{resampled}"
            print_line(
                f"{'*' if device == chosen else ' '} {device.name}, {device.host_api}, "
                f"{device.channels}, {device.native_rate} Hz, {opens}"
            )
            if device.keys:
                print_line(f"    also: {', '.join(device.keys)}")


def _meter(config: Config) -> None:

    from kws.audio.source import make_source, resolve_auto
    from kws.cli.meter import run_meter
    from kws.engine.build import make_spotter
    from kws.spotting.load import load_model

    model = load_model(config.model.path, config.model.engine, config.model.verifier)
    audio = resolve_auto(config.audio, os.environ)
    run_meter(make_source(audio, model.sample_rate), make_spotter(config, model))

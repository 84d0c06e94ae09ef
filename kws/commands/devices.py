"""`kws devices`: the microphones."""

import argparse

from kws.commands.options import add_config_arguments, read_config
from kws.errors import DeviceError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_config_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    config = read_config(options)

    from kws.audio.devices import capture_format, choose_device, input_devices

    devices = input_devices()
    chosen = choose_device(devices, config.audio.device)
    print("  name, host API, channels, native rate, how it opens (* = the one that is used)")
    for device in devices:
        try:
            audio_format = capture_format(device, 16_000, config.audio.device_rate)
            opens = f"opens at {audio_format.sample_rate} Hz"
        except DeviceError:
            opens = "does not open"
        print(
            f"{'*' if device == chosen else ' '} {device.name}, {device.host_api}, "
            f"{device.channels}, {device.native_rate} Hz, {opens}"
        )
    return 0

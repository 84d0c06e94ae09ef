"""`kws unmute`: open the microphone of a running daemon again."""

import argparse

from kws.cli.mute import add_daemon_arguments, post


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_daemon_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    return post(options, "/unmute", {})

"""`train download`: gets Speech Commands."""

import argparse

from kws.config.paths import path_of
from train.commands.options import Commands
from train.data.download import SHA256, DownloadConfig, download


def add_download(commands: Commands) -> None:
    """Add the command to a parser."""
    command = commands.add_parser(
        "download", help="get Speech Commands: 2.4 GB to download, 6.1 GB of disk meanwhile"
    )
    command.add_argument(
        "folder", type=path_of, metavar="DIR", help="gets speech_commands/<word>/*.wav"
    )
    command.add_argument("--version", choices=sorted(SHA256), default="v0.02")
    command.add_argument("--url", default="", help="of a mirror, instead of the official address")
    command.add_argument("--sha256", default="", metavar="HEX", help="of another archive there")
    command.set_defaults(run=_download)


def _download(options: argparse.Namespace) -> None:
    download(DownloadConfig(options.folder, options.version, options.url, options.sha256))

"""Commands that get recordings: `download` and `synthesize`."""

import argparse
import logging
from pathlib import Path

from train.commands.options import Commands
from train.data.download import SHA256, DownloadConfig, download
from train.data.synthesize import (
    SIMILAR_WORDS,
    dictionary_words,
    speak_dictionary,
    speak_sentences,
    synthesize,
)

log = logging.getLogger(__name__)


def add_recordings(commands: Commands) -> None:
    """Add the commands to a parser."""
    _add_download(commands)
    _add_synthesize(commands)


def _add_download(commands: Commands) -> None:
    command = commands.add_parser(
        "download", help="get Speech Commands: 2.4 GB to download, 6.1 GB of disk meanwhile"
    )
    command.add_argument(
        "folder", type=Path, metavar="DIR", help="gets speech_commands/<word>/*.wav"
    )
    command.add_argument("--version", choices=sorted(SHA256), default="v0.02")
    command.add_argument("--url", default="", help="of a mirror, instead of the official address")
    command.add_argument("--sha256", default="", metavar="HEX", help="of another archive there")
    command.set_defaults(run=_download, resumable=True)


def _download(options: argparse.Namespace) -> None:
    download(DownloadConfig(options.folder, options.version, options.url, options.sha256))


def _add_synthesize(commands: Commands) -> None:
    command = commands.add_parser(
        "synthesize", help="let speech synthesisers say the keywords and words like them"
    )
    command.add_argument("folder", type=Path, metavar="DIR", help="where to write <word>/*.wav")
    command.add_argument("--keywords", default="yes,no,up,down", metavar="WORD,...")
    command.add_argument(
        "--dictionary",
        type=Path,
        metavar="FILE",
        help="also words of a list, such as /usr/share/dict/words, and sentences of them",
    )
    command.add_argument("--words", type=int, default=3000, metavar="N", help="of the dictionary")
    command.add_argument("--sentences", type=int, default=800, metavar="N", help="of such words")
    command.set_defaults(run=_synthesize)


def _synthesize(options: argparse.Namespace) -> None:
    keywords = options.keywords.split(",")
    count = synthesize(options.folder, (*keywords, *SIMILAR_WORDS))
    if options.dictionary:
        words = dictionary_words(options.dictionary, keywords, options.words)
        count += speak_dictionary(options.folder, words)
        count += speak_sentences(options.folder, words, options.sentences)
    log.info("wrote %d recordings to %s", count, options.folder)

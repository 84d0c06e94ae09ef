"""`train synthesize`: words and sentences from speech synthesisers."""

import argparse
import logging
from pathlib import Path

from train.commands.options import Commands
from train.data.synthesize import (
    SIMILAR_WORDS,
    dictionary_words,
    speak_dictionary,
    speak_sentences,
    synthesize,
)

log = logging.getLogger(__name__)


def add_synthesize(commands: Commands) -> None:
    """Add the command to a parser."""
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

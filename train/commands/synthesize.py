"""`train synthesize`: words, sentences and noise that nobody has to record."""

import argparse
import logging

from kws.config.paths import path_of
from kws.config.values import items
from kws.errors import ConfigError
from kws.spotting.frontend import FrontEndSettings
from train.commands.options import Commands
from train.data.evaluation_noise import EVALUATION_NOISE
from train.data.generated_noise import TRAINING_NOISE
from train.data.image_recordings import write_image_recordings
from train.data.index import INDEX, read_index
from train.data.kokoro import Kokoro
from train.data.recogniser import Moonshine
from train.data.spoken_sentences import NeuralSpeaker, ProgramSpeaker, Speaker, write_sentences
from train.data.spoken_words import SpokenWords, Vocabulary, dictionary_near_words
from train.data.synthesize import (
    SIMILAR_WORDS,
    dictionary_words,
    speak_dictionary,
    speak_listed,
    speak_sentences,
    synthesize,
)
from train.data.texts import read_texts
from train.data.write_noise import write_noise

log = logging.getLogger(__name__)


def add_synthesize(commands: Commands) -> None:
    """Add the command to a parser."""
    command = commands.add_parser(
        "synthesize",
        help="let speech synthesisers say the keywords and words like them; make noise",
        description="Without the options of listed recordings: words by espeak-ng, flite and "
        "hibari, as fit takes them with --synthetic. With these: recordings that "
        "DIR/index.csv lists, for teacher fit.",
    )
    command.add_argument("folder", type=path_of, metavar="DIR", help="where to write")
    command.add_argument("--keywords", default="yes,no,up,down", metavar="WORD,...")
    command.add_argument(
        "--dictionary",
        type=path_of,
        metavar="FILE",
        help="also words of a list, such as /usr/share/dict/words, and sentences of them",
    )
    command.add_argument("--words", type=int, default=3000, metavar="N", help="of the dictionary")
    command.add_argument("--sentences", type=int, default=800, metavar="N", help="of such words")
    listed = command.add_argument_group("listed recordings")
    listed.add_argument(
        "--attempts",
        type=int,
        default=0,
        metavar="N",
        help="words by Kokoro, kept if Moonshine recognises them, N attempts in all: keywords, "
        "words of the --dictionary that sound like them, interjections and everyday words",
    )
    listed.add_argument(
        "--program-words",
        action="store_true",
        help="keywords, and words that sound like some, in all voices of espeak-ng and flite",
    )
    listed.add_argument(
        "--near", type=int, default=40, metavar="N", help="near words for a keyword"
    )
    listed.add_argument(
        "--voices", type=path_of, metavar="DIR", help="Kokoro's, as in kokoro-js/voices"
    )
    listed.add_argument(
        "--speech-hours",
        type=float,
        default=0.0,
        metavar="H",
        help="sentences, in --voices if given, else by espeak-ng and flite",
    )
    listed.add_argument(
        "--noise-hours", type=float, default=0.0, metavar="H", help="machines, knocks, music, ..."
    )
    listed.add_argument(
        "--use",
        choices=("training", "calibration", "evaluation"),
        default="training",
        help="of sentences (training, calibration) and noise (training, evaluation); "
        "default: %(default)s",
    )
    listed.add_argument(
        "--images",
        type=path_of,
        metavar="FILE",
        help="sound of the log-mel images of words in FILE.npy, as fit takes them with --features",
    )
    listed.add_argument(
        "--images-high-hz", type=float, default=8000.0, metavar="HZ", help="highest frequency there"
    )
    listed.add_argument(
        "--images-licence", default="CC-BY-4.0", metavar="NAME", help="default: %(default)s"
    )
    listed.add_argument(
        "--beside",
        type=path_of,
        metavar="DIR",
        help="with --images: leave out a speaker's word that DIR/index.csv lists as a recording",
    )
    listed.add_argument("--seed", type=int, default=1, metavar="N")
    command.set_defaults(run=_synthesize, way_on="the same command continues where it stopped")


def _synthesize(options: argparse.Namespace) -> None:
    keywords = items(options.keywords)
    if any(
        (
            options.attempts,
            options.speech_hours,
            options.noise_hours,
            options.program_words,
            options.images,
        )
    ):
        count = _listed(options, keywords)
    else:
        count = _plain(options, keywords)
    log.info("wrote %d recordings to %s", count, options.folder)


def _plain(options: argparse.Namespace, keywords: list[str]) -> int:
    count = synthesize(options.folder, (*keywords, *SIMILAR_WORDS))
    if options.dictionary:
        words = dictionary_words(options.dictionary, keywords, options.words)
        count += speak_dictionary(options.folder, words)
        count += speak_sentences(options.folder, words, options.sentences)
    return count


def _listed(options: argparse.Namespace, keywords: list[str]) -> int:
    count, use = 0, options.use
    if options.noise_hours:
        generators = {"training": TRAINING_NOISE, "evaluation": EVALUATION_NOISE}
        if use not in generators:
            raise ConfigError(f"--noise-hours: there is no noise for {use}")
        count += write_noise(
            *(options.folder, generators[use], options.noise_hours), use=use, seed=options.seed
        )
    if options.speech_hours:
        if use == "evaluation":
            raise ConfigError("--speech-hours: sentences are for training or calibration")
        speaker: Speaker = (
            NeuralSpeaker(Kokoro(options.voices), use) if options.voices else ProgramSpeaker(use)
        )
        count += write_sentences(
            *(options.folder, speaker, read_texts(), keywords, options.speech_hours),
            use=use,
            seed=options.seed,
        )
    if options.program_words:
        count += speak_listed(options.folder, keywords)
    if options.images:
        count += _images(options)
    if options.attempts:
        count += _words(options, keywords)
    return count


def _images(options: argparse.Namespace) -> int:
    beside = options.beside
    return write_image_recordings(
        options.folder,
        options.images,
        FrontEndSettings(high_hz=options.images_high_hz),
        licence=options.images_licence,
        heard=[each.row for each in read_index(beside / INDEX, beside)] if beside else (),
        seed=options.seed,
    )


def _words(options: argparse.Namespace, keywords: list[str]) -> int:
    if options.voices is None or options.dictionary is None:
        raise ConfigError("--attempts: needs --voices and --dictionary")
    texts = read_texts()
    synthesiser, recogniser = Kokoro(options.voices), Moonshine()
    near = dictionary_near_words(options.dictionary, keywords, options.near)
    others = [*texts.interjections, *texts.everyday]
    vocabulary = Vocabulary(
        keywords, near, [word for word in others if word not in {*keywords, *near}]
    )
    words = SpokenWords(options.folder, vocabulary, synthesiser, recogniser, options.seed)
    return words.write(options.attempts)

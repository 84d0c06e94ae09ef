"""What a container of the image starts: `kws`, with a source of sound that can work in there."""

import argparse
import json
import logging
import os
import signal
import stat
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kws.cli import main as cli
from kws.config.paths import config_file
from kws.config.yaml12 import read_yaml
from kws.errors import ConfigError
from kws.log import set_up_logging

log = logging.getLogger("kws.container")

SOURCE, DEVICE = "KWS_AUDIO__SOURCE", "KWS_AUDIO__DEVICE"
SOUND_CARDS = Path("/dev/snd")


@dataclass(frozen=True)
class Choice:
    """Where sound comes from.

    Attributes:
        source: as in the configuration.
        why: for people.
        device: part of a microphone's name; empty for any.
    """

    source: str
    why: str
    device: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """What tells `kws run`."""
        # JSON is YAML, in which a bare - would be a list.
        source = {SOURCE: json.dumps(self.source)}
        return {**source, DEVICE: self.device} if self.device else source


def main() -> int:
    """Run the command of the container."""
    # Nobody else stops the first process of a container before kws has its own handler.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    arguments = sys.argv[1:]
    if arguments[:1] == ["kws"]:  # as one would write it elsewhere
        arguments = arguments[1:]
    if arguments[:1] == ["run"]:
        _choose_for(arguments[1:], os.environ)
    return cli.main(arguments)


def _choose_for(arguments: Sequence[str], environment: MutableMapping[str, str]) -> None:
    options = run_options(arguments)
    if is_said(options, environment):
        return
    piped = stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode) if sys.stdin else False
    choice = choose(environment, piped=piped, sound_cards=SOUND_CARDS)
    environment.update(choice.variables)
    log_format = options.log_format or environment.get("KWS_LOG__FORMAT", "text")
    set_up_logging("info", log_format)
    log.info("audio.source: %s, because %s", choice.source, choice.why)


def run_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Those of `kws run` that matter here; what is wrong with any, it says itself."""
    parser = argparse.ArgumentParser("kws run", add_help=False)
    parser.add_argument("--source")
    parser.add_argument("--device")
    parser.add_argument("--demo-if-no-microphone", action="store_true")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    parser.add_argument("--log-format")
    return parser.parse_known_args(arguments)[0]


def is_said(options: argparse.Namespace, environment: Mapping[str, str]) -> bool:
    """Whether the user says where sound comes from: then that counts.

    Args:
        options: of the command line.
        environment: variables.
    """
    if options.source or options.device or options.demo_if_no_microphone:
        return True
    if any(
        each.lstrip().startswith(("audio.source", "audio.device")) for each in options.overrides
    ):
        return True
    if SOURCE in environment or DEVICE in environment:
        return True
    file = options.config or config_file(environment)
    try:
        content = read_yaml(file) if file else None
    except ConfigError:
        return False
    audio = content.get("audio") if isinstance(content, dict) else None
    return isinstance(audio, dict) and not audio.keys().isdisjoint(("source", "device"))


def choose(environment: Mapping[str, str], *, piped: bool, sound_cards: Path) -> Choice:
    """What can work in this container.

    Args:
        environment: variables.
        piped: whether standard input is a pipe, as with `docker run -i`.
        sound_cards: ALSA's devices.
    """
    if piped:
        return Choice("-", "standard input is a pipe")
    server = environment.get("PULSE_SERVER", "")
    socket = Path(server.removeprefix("unix:"))
    if server and socket.is_socket():
        return Choice("microphone", f"PulseAudio is at {socket}", device="pulse")
    if any(sound_cards.glob("pcmC*D*c")):
        return Choice("microphone", f"{sound_cards} has one")
    return Choice(
        "network", f"there is no pipe, no socket of PulseAudio and no microphone in {sound_cards}"
    )


if __name__ == "__main__":
    sys.exit(main())

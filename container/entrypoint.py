"""What a container of the image starts: `kws`, as the first process of the container."""

import signal
import sys

from kws.cli.main import main


def run() -> int:
    """Run the command of the container."""
    # Nobody else stops the first process of a container before kws has its own handler.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    arguments = sys.argv[1:]
    if arguments[:1] == ["kws"]:  # as one would write it elsewhere
        arguments = arguments[1:]
    return main(arguments)


if __name__ == "__main__":
    sys.exit(run())

"""What the daemon does at a signal: SIGINT and SIGTERM end it, SIGHUP reloads."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

from kws.daemon.terminal import has_terminal

log = logging.getLogger(__name__)


@contextmanager
def signals(
    interrupted: asyncio.Event,
    reload: Callable[[], Coroutine[None, None, str]],
    tasks: asyncio.TaskGroup,
) -> Iterator[None]:
    """Take signals inside this block; a reload that has begun then is not waited for.

    Args:
        interrupted: set when the daemon is to end; also when its terminal was closed.
        reload: reads the settings again.
        tasks: run the reloads.
    """
    loop, reloads = asyncio.get_running_loop(), set[asyncio.Task[str]]()

    at_terminal = has_terminal()

    def hang_up() -> None:
        if at_terminal and not has_terminal():
            log.info("its terminal was closed")
            interrupted.set()
            return
        task = tasks.create_task(reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    # Where it is ignored (nohup), it stays so.
    takes_hang_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    if takes_hang_up:
        loop.add_signal_handler(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        # SIGINT and SIGTERM stay handled: a second one must not end the drain.
        if takes_hang_up:
            loop.add_signal_handler(signal.SIGHUP, lambda: None)
        for task in reloads:
            task.cancel()

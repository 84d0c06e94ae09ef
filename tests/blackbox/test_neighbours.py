"""What a daemon's terminal and its machine's addresses do to it."""

import http.client
import os
import pty
import signal
import socket
import subprocess
from http import HTTPStatus

import pytest

from tests.support.client import HOST
from tests.support.limits import TIMEOUT, limit
from tests.support.process import KWS, Lines, clean_environment

RUN = ("run", "--source", "network", "--set", "server.port=0")


def test_a_terminal_that_was_closed_ends_the_daemon() -> None:
    terminal, its_end = pty.openpty()
    with subprocess.Popen(
        ["setsid", "--ctty", *KWS, *RUN],
        stdin=its_end,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=clean_environment(None),
    ) as process:
        os.close(its_end)
        assert process.stderr is not None
        log = Lines(process.stderr)
        try:
            log.find(lambda line: "events at ws://" in line)
            process.send_signal(signal.SIGHUP)
            log.find(lambda line: "reloaded" in line)  # the terminal is there
            os.close(terminal)
            assert process.wait(limit(TIMEOUT)) == 0
        finally:
            process.kill()
    assert any("its terminal was closed" in line for line in log.finish())


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_all_addresses_serve_both_protocols_and_an_ignored_hang_up_stays_so() -> None:
    with subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *KWS, *RUN, "--set", "server.host=::"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=clean_environment(None),
    ) as process:
        assert process.stderr is not None
        log = Lines(process.stderr)
        try:
            ready = log.find(lambda line: "events at ws://" in line)
            port = int(ready.partition("ws://[::]:")[2].partition("/")[0])
            process.send_signal(signal.SIGHUP)
            for address in (HOST, "::1"):
                connection = http.client.HTTPConnection(address, port, timeout=limit(TIMEOUT))
                connection.request("GET", "/health")
                assert connection.getresponse().status == HTTPStatus.OK
                connection.close()
            process.terminate()
            assert process.wait(limit(TIMEOUT)) == 0
        finally:
            process.kill()
    assert not [line for line in log.finish() if "terminal" in line or "reload" in line]

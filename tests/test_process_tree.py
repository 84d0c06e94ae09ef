"""The memory of a process tree, as the benches measure it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.process_tree import PeakMemory, descendants, tree_memory

PARENT_AND_CHILD = """
import os, sys
held = bytearray(os.urandom(40_000_000))
child = os.fork()
sys.stdout.write("x")
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this is not Linux")
def test_what_processes_share_counts_once_in_one_figure_and_twice_in_the_other() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT_AND_CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with PeakMemory(process.pid, every_s=0.01) as memory:
            assert process.stdout.read(2) == b"xx"
            now = tree_memory(process.pid)
        assert len(list(descendants(process.pid))) == now.processes == 2
        process.stdin.close()
    assert now.resident > 80e6
    assert 40e6 < now.proportional < 80e6
    assert memory.peak.resident >= now.resident > now.proportional
    assert tree_memory(process.pid).processes == 0
    assert next(descendants(os.getpid())) == os.getpid()

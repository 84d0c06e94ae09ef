"""Every parser of untrusted bytes, with inputs that are chosen by the code that they reach.

`python -m bench.fuzz [--parser NAME ...] [--seconds S] [--corpus DIR] [--json]`; `bench/README.md`
describes each figure. Needs atheris (`pip install -e ".[fuzz]"`). What was found to reach more code
is kept in the corpus, from which the next run goes on.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

CORPUS = Path(__file__).parents[1] / "build" / "fuzz"
LARGEST = 64 * 1024
"""Bytes of an input."""
_SLOW_S, _MEMORY_MIB = 60, 2_048
"""What an input may take by the wall clock, on a busy machine too: more is a finding."""
_DONE = re.compile(r"Done (\d+) runs? in (\d+) second")
_REACHED = re.compile(r"cov: (\d+)")


@dataclass(frozen=True)
class Fuzzed:
    """What came of one parser.

    Attributes:
        parser: its name.
        executions: inputs that it was given.
        seconds: of all of them.
        reached: branches of the code of kws that any of them took.
        corpus: inputs that are kept, for each reaches something that no other does.
        findings: inputs that ended in an undeclared error, took too long or too much memory.
    """

    parser: str
    executions: int
    seconds: int
    reached: int
    corpus: int
    findings: tuple[str, ...]


def fuzz(parser: str, seconds: int, corpus: Path) -> Fuzzed:
    """Fuzz one parser in a process of its own, until there is a finding or the time is over."""
    inputs, findings = corpus / parser.replace(" ", "-"), corpus / "findings"
    inputs.mkdir(parents=True, exist_ok=True)
    findings.mkdir(exist_ok=True)
    prefix = f"{findings}/{inputs.name}-"
    command = [sys.executable, "-m", "bench.fuzz", "--child", parser, str(inputs)]
    command += [f"-max_total_time={seconds}", f"-max_len={LARGEST}", f"-timeout={_SLOW_S}"]
    command += [f"-rss_limit_mb={_MEMORY_MIB}", f"-artifact_prefix={prefix}"]
    with tempfile.TemporaryFile() as log:
        # What the parsers log would be as much as what they are given.
        subprocess.run(
            command,
            stdout=subprocess.DEVNULL,
            stderr=log,
            check=False,
            cwd=Path(__file__).parents[1],
        )
        log.seek(0)
        text = log.read().decode(errors="replace")
    done, reached = _DONE.findall(text), _REACHED.findall(text)
    counts = re.findall(r"^#(\d+)\t", text, re.MULTILINE)
    executions = int(done[-1][0]) if done else int(counts[-1]) if counts else 0
    if not executions:
        raise RuntimeError(f"{parser}: {text[-2000:]}")
    return Fuzzed(
        parser,
        executions,
        int(done[-1][1]) if done else seconds,
        int(reached[-1]) if reached else 0,
        sum(1 for _ in inputs.iterdir()),
        tuple(sorted(str(path) for path in findings.glob(f"{inputs.name}-*"))),
    )


def child(parser: str, arguments: Sequence[str]) -> None:
    """Fuzz a parser in this process, by libFuzzer's own arguments; it ends the process."""
    import logging

    import atheris

    logging.disable()
    with atheris.instrument_imports(include=["kws"]):
        from tests.support.parsers import PARSERS

    chosen = PARSERS[parser]
    for seed in chosen.seeds():
        path = Path(arguments[0]) / sha256(seed).hexdigest()[:40]
        path.write_bytes(seed[:LARGEST])
    atheris.Setup([sys.argv[0], *arguments], chosen.run)
    atheris.Fuzz()


def table(rows: Sequence[Fuzzed]) -> str:
    """The figures, for people."""
    head = f"{'parser':<18} {'executions':>11} {'seconds':>8} {'reached':>8} {'corpus':>7}"
    lines = [f"{head} {'findings':>9}"]
    for row in rows:
        lines.append(
            f"{row.parser:<18} {row.executions:>11,} {row.seconds:>8} {row.reached:>8} "
            f"{row.corpus:>7} {len(row.findings):>9}"
        )
        lines += [f"  {finding}" for finding in row.findings]
    return "\n".join(lines)


def main() -> int:
    """Run from the command line; 1 where there is a finding."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3:])
        return 0
    from tests.support.parsers import PARSERS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parser", action="append", choices=PARSERS, help="default: all of them")
    parser.add_argument("--seconds", type=int, default=1_800, help="for each; default: 1800")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help=f"default: {CORPUS}")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if find_spec("atheris") is None:
        parser.error('needs atheris: pip install -e ".[fuzz]"')
    rows = [
        fuzz(name, options.seconds, options.corpus.resolve()) for name in options.parser or PARSERS
    ]
    print(json.dumps([asdict(row) for row in rows]) if options.json else table(rows))
    return 1 if any(row.findings for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

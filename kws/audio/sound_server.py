"""The sources of a PulseAudio or PipeWire server, which PortAudio on ALSA shows as one device."""

import json
import logging
import os
import platform
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kws.errors import HungError

log = logging.getLogger(__name__)

_TOOL_SECONDS = 5.0
"""Less than `kws.audio.timeout.TIMEOUT_SECONDS`: the tool of a server that hangs is ended too."""
_CALLS, _CALL_SECONDS = 20, 0.1
"""Until a server reports changes: how often at most they are looked for, and how far apart."""
_SOURCE_CLASSES = ("Audio/Source", "Audio/Source/Virtual")
_SAMPLES = re.compile(r"(?P<channels>[0-9]+)ch (?P<rate>[0-9]+)Hz")
_FIELD = re.compile(r"^\t(?P<name>[A-Z][A-Za-z ]*): (?P<value>.*)$", re.MULTILINE)
_DEFAULT = re.compile(r"^Default Source: (?P<key>\S+)$", re.MULTILINE)
_MOVED = re.compile(rb"'change' on source-output |'remove' on source ")
_PROCESS = re.compile(
    r'^\t\tapplication\.process\.(?P<name>id|host) = "(?P<value>.*)"$', re.MULTILINE
)


@dataclass(frozen=True)
class ServerSource:
    """A source of a sound server.

    Attributes:
        key: the server's name of it, which stays the same: it holds a device's serial number or the
            address of a headset, where there is one.
        name: for people.
        rate: samples per second; 0 where the server does not say.
        channels: 0 where the server does not say.
    """

    key: str
    name: str
    rate: int = 0
    channels: int = 0


def pulse_sources() -> list[ServerSource]:
    """The sources of the PulseAudio server, or of PipeWire in its place; none without `pactl`.

    Raises:
        HungError: the server does not answer.
    """
    return [source for _, source in parse_sources(_output("pactl", "list", "sources"))]


def pulse_source_of(process: int) -> ServerSource | None:
    """The source that a process records, as the PulseAudio server says.

    Raises:
        HungError: the server does not answer.
    """
    number = parse_recording(_output("pactl", "list", "source-outputs"), process, platform.node())
    if number is None:
        return None
    return dict(parse_sources(_output("pactl", "list", "sources"))).get(number)


def default_pulse_source() -> str:
    """The key of the source that programs get which ask for none; empty where that is unknown.

    Raises:
        HungError: the server does not answer.
    """
    if key := os.environ.get("PULSE_SOURCE"):
        return key
    found = _DEFAULT.search(_output("pactl", "info"))
    return found["key"] if found else ""


def pipewire_sources() -> list[ServerSource]:
    """The sources of the PipeWire server; none without `pw-dump`.

    Raises:
        HungError: the server does not answer.
    """
    return parse_nodes(_output("pw-dump"))


class SourceWatch:
    """Calls whenever a PulseAudio server changes what is recorded; never without `pactl`.

    What changed before the server reports changes is not missed: until then it calls again and
    again.

    Args:
        changed: called from threads of its own, one at a time.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._calling = threading.Lock()
        self._begun, self._stopped = threading.Event(), threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(
                ("pactl", "subscribe"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
        except OSError as error:
            log.debug("pactl: %s", error)
            return
        for work in (self._read, self._begin):
            threading.Thread(target=work, name="sound server", daemon=True).start()

    def stop(self) -> None:
        """Call no more."""
        self._stopped.set()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        if self._process is None or self._process.stdout is None:
            return
        with self._process.stdout as events:
            for line in events:
                # Any event tells that nothing is missed any more, such as that of another `pactl`.
                self._begun.set()
                if _MOVED.search(line):
                    self._call()

    def _begin(self) -> None:
        for _ in range(_CALLS):
            begun = self._begun.is_set()
            self._call()
            if begun:
                return
            self._begun.wait(_CALL_SECONDS)

    def _call(self) -> None:
        with self._calling:
            if not self._stopped.is_set():
                self._changed()


def parse_sources(text: str) -> Iterator[tuple[int, ServerSource]]:
    """Numbers and sources in what `pactl list sources` prints.

    Its JSON is not used, for it has "(null)" in place of a name that is not ASCII.
    """
    for number, fields, _ in _blocks(text, "Source"):
        key = fields.get("Name", "")
        if not key:
            continue
        samples = _SAMPLES.search(fields.get("Sample Specification", ""))
        rate, channels = (int(samples["rate"]), int(samples["channels"])) if samples else (0, 0)
        described = fields.get("Description", "")
        name = key if described in ("", "(null)") else described
        yield number, ServerSource(key, name, rate, channels)


def parse_recording(text: str, process: int, host: str) -> int | None:
    """The number of the source that a process records.

    Args:
        text: what `pactl list source-outputs` prints.
        process: its id.
        host: name of its machine or container, for in another one an id may be the same.

    Returns:
        None where it records none, or where several may be meant.
    """
    found = set[int]()
    for _, fields, block in _blocks(text, "Source Output"):
        properties = {each["name"]: each["value"] for each in _PROCESS.finditer(block)}
        ours = properties.get("id") == str(process) and properties.get("host", host) == host
        source = fields.get("Source", "")
        if ours and source.isdecimal():
            found.add(int(source))
    return found.pop() if len(found) == 1 else None


def parse_nodes(text: str) -> list[ServerSource]:
    """Sources in what `pw-dump` prints."""
    try:
        objects = json.loads(text or "[]")
    except ValueError as error:
        log.debug("pw-dump printed no JSON: %s", error)
        return []
    sources = []
    for each in objects if isinstance(objects, list) else []:
        properties = _properties(each)
        key = properties.get("node.name")
        if properties.get("media.class") in _SOURCE_CLASSES and isinstance(key, str):
            described = properties.get("node.description")
            sources.append(ServerSource(key, described if isinstance(described, str) else key))
    return sources


def _properties(entry: Any) -> dict[str, Any]:
    info = entry.get("info") if isinstance(entry, dict) else None
    properties = info.get("props") if isinstance(info, dict) else None
    return properties if isinstance(properties, dict) else {}


def _blocks(text: str, title: str) -> Iterator[tuple[int, dict[str, str], str]]:
    """What `pactl list` prints, object by object: its number, its fields, and all its lines."""
    beginning = re.compile(rf"^{title} #([0-9]+)$", re.MULTILINE)
    # Before the first object, then by turns a number and what belongs to it.
    parts = beginning.split(text)[1:]
    for number, block in zip(parts[::2], parts[1::2], strict=True):
        fields = {found["name"]: found["value"].strip() for found in _FIELD.finditer(block)}
        yield int(number), fields, block


def _output(*command: str) -> str:
    """What a command prints; empty where it is not installed, or has no server.

    Raises:
        HungError: its server does not answer.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TOOL_SECONDS,
            env=_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise HungError(
            f"the sound server has not answered {' '.join(command)!r} for {_TOOL_SECONDS:g} s: "
            "it hangs"
        ) from error
    except OSError as error:
        log.debug("%s: %s", command[0], error)
        return ""
    if done.returncode != 0:
        log.debug("%s: %s", command[0], done.stderr.decode(errors="replace").strip())
        return ""
    return done.stdout.decode(errors="replace")


def _environment() -> dict[str, str]:
    """In which a tool speaks English."""
    inherited = {key: value for key, value in os.environ.items() if key != "LANGUAGE"}
    return inherited | {"LC_ALL": "C.UTF-8"}

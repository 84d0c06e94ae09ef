"""An upgrade from release 0.1.0: configuration, service, model and protocol go on as they are."""

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from kws.config.paths import bundled_models
from kws.spotting.model_file import read_model
from tests.spotting.models import write_torch_file
from tests.support.client import ask, get_json, receive, subscribe
from tests.support.process import DaemonProcess, run_kws
from tests.support.talker import Talker

RELEASE = Path(__file__).parent / "release_0_1_0"
"""What that release delivered, unchanged."""
SCHEMA = json.loads((RELEASE / "protocol.schema.json").read_text(encoding="utf-8"))
KEYWORDS = ["yes", "no", "up", "down"]


def check(message: Any, name: str) -> None:
    """A message against that release's definition."""
    Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{name}"}).validate(message)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A configuration's folder with that release's file and, under a name of its own, a model."""
    folder = tmp_path / "kws"
    (folder / "models").mkdir(parents=True)
    shutil.copy(RELEASE / "config.yaml", folder)
    model = read_model(bundled_models()["yes-no-up-down"])
    write_torch_file(model, folder / "models" / "mine.pt")
    return tmp_path


def test_the_configuration_is_in_order(home: Path) -> None:
    done = run_kws("check", environment={"XDG_CONFIG_HOME": str(home)})
    assert (done.returncode, done.stdout.splitlines()[0].rpartition(": ")[2]) == (0, "in order")


def test_the_service_calls_a_command_that_there_is(home: Path) -> None:
    unit = (RELEASE / "kws.service").read_text(encoding="utf-8")
    (call,) = (line for line in unit.splitlines() if line.startswith("ExecStart="))
    program, command, *arguments = shlex.split(call.partition("=")[2])
    assert (Path(program).name, command) == ("kws", "run")
    variables = {"XDG_CONFIG_HOME": str(home), "KWS_AUDIO__SOURCE": "network"}
    with DaemonProcess(*arguments, environment=variables) as daemon:
        check(get_json(daemon.port, "/health"), "health")
        assert daemon.stop() == 0


def test_a_client_gets_what_it_got(home: Path) -> None:
    with (
        Talker("--set", "model.path=mine", environment={"XDG_CONFIG_HOME": str(home)}) as daemon,
        subscribe(daemon.port) as subscriber,
    ):
        hello = receive(subscriber)
        check(hello, "hello")
        assert hello["keywords"] == KEYWORDS
        check(ask(subscriber, keywords=["yes"], min_confidence=0.1), "subscribed")
        (printed,) = daemon.say("yes")
        check(printed, "detection")
        required = SCHEMA["$defs"]["detection"]["required"]
        assert list(printed)[: len(required)] == required
        assert receive(subscriber) == printed
        check(ask(subscriber, after={"run": hello["run"], "seq": 0}), "subscribed")
        info = get_json(daemon.port, "/info")
        check(info, "info")
        assert list(info)[:5] == ["model", "classes", "n_classes", "device", "parameters"]
        assert (info["model"], info["parameters"]) == ("SmallCNN", 1_089_540)

"""What can be said of the image without building it."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from kws.config.load import load_config
from kws.config.yaml12 import read_yaml

REPOSITORY = Path(__file__).parents[2]
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")


def instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name} +(.*)$", joined, re.MULTILINE)


def copied() -> set[str]:
    """What the build takes out of this folder."""
    lines = [line.split() for line in instructions("COPY") if not line.startswith("--from")]
    return {source for line in lines for source in line[:-1]}


def test_everything_that_is_copied_is_let_in() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert {"*.onnx", "*.pt", "data"} <= let_in  # one's own model and recordings
    for source in copied():
        assert (REPOSITORY / source).exists()
        assert source in let_in or source.partition("/")[0] in let_in


def test_the_package_s_links_lead_to_what_is_copied() -> None:
    for path in (REPOSITORY / "kws").iterdir():
        if path.is_symlink():
            assert path.resolve().name in copied()


def test_the_label_has_the_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert f'image.version="{project["project"]["version"]}"' in DOCKERFILE


def test_no_stage_runs_as_root_in_the_end() -> None:
    runtime = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search("^USER [1-9][0-9]*$", runtime, re.MULTILINE)
    assert "STOPSIGNAL SIGTERM" in runtime
    assert "healthy.py" in " ".join(instructions("HEALTHCHECK"))


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_the_variables_are_settings(engine: str) -> None:
    dockerfile = DOCKERFILE.replace("$ENGINE", engine)
    variables = dict(re.findall(r"(KWS_\w+__\w+)=(\S+)", dockerfile))
    config = load_config(environment=variables)
    assert config.server.host == "0.0.0.0"
    assert config.model.engine == engine


def compose() -> dict[str, Any]:
    file = REPOSITORY / "compose.yaml"
    services: dict[str, Any] = read_yaml(file)["services"]
    return services


def test_compose_publishes_the_port_to_this_machine_only() -> None:
    services = compose()
    assert set(services) == {"kws", "subscriber"}
    assert services["kws"]["ports"] == ["127.0.0.1:8000:8000"]
    for service in services.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True


def test_the_daemon_of_compose_allows_the_name_of_its_service() -> None:
    services = compose()
    variables = {
        name: value for name, value in services["kws"]["environment"].items() if "__" in name
    }
    assert load_config(environment=variables).server.allowed_hosts == ("kws",)
    assert services["subscriber"]["command"][1] == "ws://kws:8000/events"

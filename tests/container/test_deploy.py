"""The files of `deploy`, as far as they can be checked without an engine or a cluster."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kws.config.load import load_config
from kws.config.schema import Config
from kws.config.yaml12 import parse_yaml, read_yaml
from tests.support.haproxy import check, documented_configuration

DEPLOY = Path(__file__).parents[2] / "deploy"
IMAGE = "speech-commands-app:mqtt"
_SERVICE_KEYS = {
    *("build", "image", "command", "environment", "ports", "volumes", "depends_on"),
    *("user", "read_only", "cap_drop", "security_opt", "restart"),
}
"""Those of the Compose Specification that are used here; another one is a slip, or belongs here."""
_VERSIONS = ("1.25.0", "1.30.0", "1.34.0")
"""Of Kubernetes."""


def kubernetes() -> list[dict[str, Any]]:
    text = (DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")
    return [parse_yaml(each, "kubernetes.yaml") for each in text.split("\n---\n")]


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = (each for each in kubernetes() if each["kind"] == kind)
    return found


def container() -> dict[str, Any]:
    (only,) = of_kind("StatefulSet")["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = only
    return found


def compose() -> dict[str, dict[str, Any]]:
    file = read_yaml(DEPLOY / "compose.yaml")
    assert set(file) == {"name", "services"}
    services: dict[str, dict[str, Any]] = file["services"]
    return services


def filled_in(text: str, **variables: str) -> str:
    """A text as compose reads it: ${NAME:-default} and ${NAME:?message}."""

    def value(found: re.Match[str]) -> str:
        name, sign, rest = found.groups()
        return variables.get(name, rest if sign == "-" else "")

    return re.sub(r"\$\{(\w+):([-?])([^}]*)\}", value, text)


def settings(environment: Mapping[str, str], **variables: str) -> Config:
    """The configuration of a daemon with these variables; each of them has to be a setting."""
    filled = {name: filled_in(value, **variables) for name, value in environment.items()}
    assert {name for name in filled if "__" not in name} <= {"KWS_TOKEN", "STATE_DIRECTORY"}
    return load_config(environment={name: filled[name] for name in filled if "__" in name})


@pytest.mark.parametrize("version", _VERSIONS)
def test_the_manifests_are_what_kubernetes_takes(version: str) -> None:
    validator = pytest.importorskip(
        "kubernetes_validate", reason="not installed: kubernetes-validate"
    )
    for manifest in kubernetes():
        validator.validate(manifest, version, strict=True)
    broken = of_kind("StatefulSet")
    broken["spec"]["replica"] = 3
    with pytest.raises(validator.ValidationError):
        validator.validate(broken, version, strict=True)


def test_the_settings_of_the_manifests_are_settings_of_kws() -> None:
    config = settings(of_kind("ConfigMap")["data"])
    assert config.audio.source == "network"
    assert config.server.allowed_hosts[0] == of_kind("Service")["metadata"]["name"]
    assert config.integrations.mqtt.archive
    variables = {each["name"]: each for each in container()["env"]}
    assert set(variables) == {"KWS_TOKEN", "KWS_INTEGRATIONS__MQTT__ID", "STATE_DIRECTORY"}
    assert settings({"KWS_INTEGRATIONS__MQTT__ID": "kws-0"}).integrations.mqtt.id == "kws-0"
    # Where files are, there is a volume.
    mounts = {each["mountPath"] for each in container()["volumeMounts"]}
    assert variables["STATE_DIRECTORY"]["value"] in mounts
    assert str(Path(config.integrations.mqtt.password_file).parent) in mounts


def test_a_pod_can_write_nowhere_but_to_its_state_and_is_nobody() -> None:
    pod = of_kind("StatefulSet")["spec"]["template"]["spec"]
    assert container()["securityContext"]["readOnlyRootFilesystem"] is True
    assert container()["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    dockerfile = (DEPLOY.parent / "Dockerfile").read_text(encoding="utf-8")
    assert f"USER {pod['securityContext']['runAsUser']}\n" in dockerfile
    # A Service called kws would set KWS_PORT and the like.
    assert pod["enableServiceLinks"] is False
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container()[probe]["httpGet"] == {"path": "/health", "port": "http"}


def test_compose_has_only_known_keys_and_services() -> None:
    services = compose()
    for service in services.values():
        assert set(service) <= _SERVICE_KEYS
        assert set(service.get("depends_on", ())) <= set(services)
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        for volume in service.get("volumes", ()):
            assert (DEPLOY / volume.partition(":")[0]).is_file()
    # Only haproxy, with the token, is open to other machines.
    ports = {name: each["ports"] for name, each in services.items() if "ports" in each}
    assert ports == {"haproxy": ["8000:8000"], "broker": ["127.0.0.1:1883:1883"]}


def test_the_daemons_of_compose_differ_only_by_their_id() -> None:
    daemons = {name: each for name, each in compose().items() if name.startswith("kws")}
    configs = [
        settings(each["environment"], KWS_TOKEN="secret", KWS_NAME="kws.lan")
        for each in daemons.values()
    ]
    assert [each.integrations.mqtt.id for each in configs] == list(daemons)
    assert {each.server.allowed_hosts for each in configs} == {("kws.lan",)}
    for each in daemons.values():
        assert each["environment"]["KWS_TOKEN"].startswith("${KWS_TOKEN:?")
    one, two = ({**each, "environment": None, "build": None} for each in daemons.values())
    assert one == two


def test_one_image_is_meant_everywhere() -> None:
    images = {container()["image"], *(compose()[name]["image"] for name in ("kws-1", "kws-2"))}
    assert images == {IMAGE}
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert f"-t {IMAGE} deploy" in dockerfile
    assert f"FROM {IMAGE.partition(':')[0]}\n" in dockerfile


def test_the_documented_configuration_of_a_daemon_is_one(tmp_path: Path) -> None:
    page = (DEPLOY.parent / "docs" / "fleet.md").read_text(encoding="utf-8")
    file = tmp_path / "config.yaml"
    file.write_text(page.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    config = load_config(file)
    assert (config.audio.source, config.integrations.mqtt.id) == ("network", "kws-1")
    assert config.server.allowed_hosts == ("kws.lan",)


def test_haproxy_takes_its_file_which_is_the_documented_one() -> None:
    file = DEPLOY / "haproxy.cfg"
    lines = file.read_text(encoding="utf-8").splitlines()
    documented = documented_configuration().splitlines()
    assert [each for each in documented if each not in lines and "    server " not in each] == []
    servers = [each.split()[2] for each in lines if each.startswith("    server ")]
    assert servers == [f"{name}:8000" for name in compose() if name.startswith("kws")]
    checked = check(file)
    assert checked.returncode == 0, checked.stderr
    # Nothing is wrong but that those names are not known here.
    warnings = [each for each in checked.stderr.splitlines() if "[WARNING]" in each]
    assert all("could not resolve address" in each for each in warnings), checked.stderr

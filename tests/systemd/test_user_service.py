"""A user's own service, under a service manager of that user's."""

from collections.abc import Iterator

import pytest

from tests.support.limits import wait_until

from .machine import Machine, need_systemd

USER = "me"
HOME = f"/home/{USER}"
RUNTIME = "/run/kws-user"
CONFIG = f"{HOME}/.config/kws/config.yaml"
UNIT = f"{HOME}/.config/systemd/user/kws.service"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A machine with a user who has logged in."""
    need_systemd()
    with Machine() as machine:
        machine.run("useradd", "--create-home", "--home-dir", HOME, USER)
        machine.run("install", "-d", "-m", "700", "-o", USER, RUNTIME)
        machine.run(
            *("systemd-run", "--unit=session", f"--uid={USER}", "--property=Type=notify"),
            *("--property=Delegate=yes", f"--setenv=XDG_RUNTIME_DIR={RUNTIME}"),
            *("/lib/systemd/systemd", "--user", "--unit=basic.target"),
        )
        yield machine


def as_user(*command: str) -> tuple[str, ...]:
    """A command, as that user gives it."""
    variables = (f"HOME={HOME}", f"XDG_RUNTIME_DIR={RUNTIME}")
    return ("runuser", "-u", USER, "--", "env", *variables, *command)


def state(machine: Machine) -> dict[str, str]:
    """What the user's manager knows of the service."""
    shown = machine.run(*as_user("systemctl", "--user", "show", "kws"))
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def test_a_user_installs_and_removes_it(machine: Machine) -> None:
    said = machine.all_said(*as_user("kws", "install-service", "--user"))
    assert f"created {UNIT}" in said
    assert f"created {CONFIG}" in said
    assert "loginctl enable-linger" in said
    assert machine.all_said(*as_user("systemd-analyze", "--user", "verify", UNIT)) == ""

    wait_until(lambda: "StatusText" in state(machine), "its status")
    before = state(machine)
    assert before["ActiveState"] == "active"
    assert "microphone" in before["StatusText"]
    assert before["UnitFileState"] == "enabled"

    machine.run("tee", CONFIG, given="audio: {source: demo}\n")
    machine.run(*as_user("systemctl", "--user", "restart", "kws"))
    wait_until(
        lambda: state(machine).get("StatusText") == "Processing audio from demo 'demo.wav'",
        "it listens",
    )
    running = state(machine)["MainPID"]
    machine.run(*as_user("systemctl", "--user", "reload", "kws"))
    wait_until(lambda: state(machine)["ActiveState"] == "active", "it has reloaded")
    assert state(machine)["MainPID"] == running

    said = machine.all_said(*as_user("kws", "uninstall-service", "--user"))
    assert f"removed {UNIT}" in said
    assert state(machine)["LoadState"] == "not-found"


def test_the_systems_service_is_not_a_users_to_install(machine: Machine) -> None:
    said = machine.all_said(*as_user("kws", "install-service"), status=7)
    assert "Permission denied" in said
    assert "kws install-service --user" in said


def test_without_a_session_the_files_are_put_in_place(machine: Machine) -> None:
    alone = as_user("env", "-u", "XDG_RUNTIME_DIR", "kws", "install-service", "--user")
    said = machine.all_said(*alone)
    assert "your session has no service manager" in said
    assert "nothing was started" in said
    machine.run("test", "-f", UNIT)

"""The system's service under a systemd that was really booted."""

import json
import re
import time
from collections.abc import Iterator

import pytest

from tests.support.limits import at_most, limit, wait_until

from .machine import Machine, need_systemd

UNIT = "/etc/systemd/system/kws.service"
DROP_IN = "/run/systemd/system/kws.service.d/test.conf"
CONFIG = "/etc/kws/config.yaml"
DEMO = "audio: {source: demo}\n"
EXPOSURE = 1.6

HANGING = """\
import sys
import threading
import kws.engine.batch
work = kws.engine.batch.Inference.work
def hang(self):
    work(self)
    if self.windows > 20:
        threading.Event().wait()
kws.engine.batch.Inference.work = hang
from kws.cli.main import main
sys.exit(main())
"""
"""kws, but its inference thread hangs after some windows."""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A machine on which kws was installed, as the README says."""
    need_systemd()
    with Machine() as machine:
        machine.run("kws", "install-service")
        yield machine


@pytest.fixture(autouse=True)
def at_rest(machine: Machine) -> None:
    """Each test begins with the service stopped, with the demo as its source."""
    machine.run("systemctl", "stop", "kws")
    machine.run("rm", "-f", DROP_IN)
    machine.write(CONFIG, DEMO)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "reset-failed", "kws", check=False)


def state(machine: Machine) -> dict[str, str]:
    """What systemd knows of the service."""
    shown = machine.run("systemctl", "show", "kws")
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def drop_in(machine: Machine, text: str) -> None:
    """Change the unit for one test."""
    machine.write(DROP_IN, f"[Service]\n{text}\n")
    machine.run("systemctl", "daemon-reload")


def journal(machine: Machine) -> list[dict[str, str]]:
    """What this start, or the last one, logged."""
    run = state(machine)["InvocationID"]
    lines = machine.run("journalctl", "-o", "json", f"_SYSTEMD_INVOCATION_ID={run}")
    return [json.loads(line) for line in lines.splitlines()]


def test_systemd_finds_no_fault_in_the_unit(machine: Machine) -> None:
    # On an unknown key it succeeds, but not in silence.
    assert machine.all_said("systemd-analyze", "verify", UNIT) == ""


def test_the_unit_exposes_little(machine: Machine) -> None:
    said = machine.run("systemd-analyze", "security", "--offline=true", UNIT)
    (score,) = re.findall(r"Overall exposure level for kws.service: ([\d.]+)", said)
    assert float(score) <= EXPOSURE


def test_it_is_installed_for_every_boot(machine: Machine) -> None:
    assert machine.run("systemctl", "is-enabled", "kws").strip() == "enabled"
    assert machine.run("stat", "-c", "%a", "/etc/kws/environment").strip() == "600"


def test_it_is_active_when_audio_arrives_and_its_status_names_the_source(machine: Machine) -> None:
    machine.run("systemctl", "start", "kws")
    now = state(machine)
    assert (now["ActiveState"], now["SubState"]) == ("active", "running")
    # It was told of READY by the process itself: systemd would not have waited otherwise.
    ready = next(entry for entry in journal(machine) if "listening to demo" in entry["MESSAGE"])
    assert ready["_PID"] == now["MainPID"]
    wait_until(
        lambda: state(machine).get("StatusText") == "Processing audio from demo 'demo.wav'",
        "its status",
    )


def test_it_has_no_privileges(machine: Machine) -> None:
    machine.run("systemctl", "start", "kws")
    process = state(machine)["MainPID"]
    status = machine.run("cat", f"/proc/{process}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in fields["Uid"].split()
    assert int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    for folder in ("/root", "/home"):
        assert not machine.run("ls", f"/proc/{process}/root{folder}", check=False)
    environment = machine.run("cat", f"/proc/{process}/environ")
    assert "STATE_DIRECTORY=/var/lib/kws" in environment.split("\0")


def test_it_is_not_ready_before_the_first_sound_where_that_is_wanted(machine: Machine) -> None:
    # There is no sound card, so none comes; a start may take this long without signs of life.
    start_s = limit(4)
    drop_in(machine, f"TimeoutStartSec={start_s:.1f}")
    machine.write(CONFIG, "audio: {ready_after_sound: true}\n")
    machine.run("systemctl", "start", "--no-block", "kws")
    begun = float(state(machine)["InactiveExitTimestampMonotonic"]) / 1e6
    wait_until(lambda: time.monotonic() > begun + 1.5 * start_s, "the start has taken too long")
    wait_until(lambda: "StatusText" in state(machine), "its status")
    now = state(machine)
    assert (now["ActiveState"], now["NRestarts"]) == ("activating", "0")
    assert now["StatusText"].startswith("No audio: no microphone")


def test_a_missing_microphone_is_waited_for(machine: Machine) -> None:
    machine.write(CONFIG, "")
    machine.run("systemctl", "start", "kws")
    wait_until(lambda: "StatusText" in state(machine), "its status")
    before = state(machine)
    assert before["ActiveState"] == "active"
    assert before["StatusText"].startswith("No audio: no microphone")
    for _ in range(2):
        fed = state(machine)["WatchdogTimestampMonotonic"]

        def fed_again(fed: str = fed) -> bool:
            return state(machine)["WatchdogTimestampMonotonic"] != fed

        wait_until(fed_again, "another attempt feeds the watchdog")
    after = state(machine)
    assert (after["MainPID"], after["NRestarts"]) == (before["MainPID"], "0")


def test_it_is_restarted_when_it_was_killed(machine: Machine) -> None:
    drop_in(machine, "RestartSec=0")
    machine.run("systemctl", "start", "kws")
    before = state(machine)["MainPID"]
    machine.run("kill", "-KILL", before)
    wait_until(lambda: state(machine)["NRestarts"] == "1", "it is restarted")
    wait_until(lambda: state(machine)["ActiveState"] == "active", "it is ready again")
    assert state(machine)["MainPID"] not in ("0", before)


def test_a_hung_inference_thread_is_ended_by_the_watchdog(machine: Machine) -> None:
    machine.write("/opt/hanging.py", HANGING)
    program = "/opt/kws/bin/python /opt/hanging.py run"
    drop_in(machine, f"WatchdogSec=3\nRestartSec=0\nExecStart=\nExecStart={program}")
    machine.run("systemctl", "start", "kws")
    wait_until(lambda: state(machine)["NRestarts"] == "1", "it is restarted")
    said = machine.run("journalctl", "-u", "kws", "-o", "cat")
    assert "Watchdog timeout (limit 3s)!" in said
    # Where it hung.
    assert 'File "/opt/hanging.py", line 8 in hang' in said
    wait_until(lambda: state(machine)["ActiveState"] == "active", "it is ready again")


def test_a_reload_keeps_the_process(machine: Machine) -> None:
    machine.run("systemctl", "start", "kws")
    before = state(machine)["MainPID"]
    machine.write(CONFIG, f"{DEMO}model: {{path: commands-10}}\n")
    machine.run("systemctl", "reload", "kws")
    wait_until(
        lambda: any("reloaded: listening for" in each["MESSAGE"] for each in journal(machine)),
        "it has reloaded",
    )
    wait_until(lambda: state(machine)["ActiveState"] == "active", "it is ready again")
    assert state(machine)["MainPID"] == before


def test_a_wrong_configuration_is_refused_by_the_reload_and_fails_the_start(
    machine: Machine,
) -> None:
    machine.run("systemctl", "start", "kws")
    before = state(machine)["MainPID"]
    machine.write(CONFIG, f"{DEMO}trigger: {{threshold: 2}}\n")
    machine.run("systemctl", "reload", "kws")
    wait_until(
        lambda: any("reload refused" in each["MESSAGE"] for each in journal(machine)),
        "it has refused",
    )
    wait_until(lambda: state(machine)["ActiveState"] == "active", "it goes on")
    assert state(machine)["MainPID"] == before
    # A new start cannot go on as before; another one would not help.
    machine.run("systemctl", "restart", "kws", check=False)
    now = state(machine)
    assert (now["ActiveState"], now["ExecMainStatus"], now["NRestarts"]) == ("failed", "2", "0")


def test_it_stops_at_once(machine: Machine) -> None:
    machine.run("systemctl", "start", "kws")
    with at_most(1):
        machine.run("systemctl", "stop", "kws")
    now = state(machine)
    assert (now["ActiveState"], now["Result"]) == ("inactive", "success")


def test_its_log_fits_the_journal(machine: Machine) -> None:
    machine.write(CONFIG, "")
    machine.run("systemctl", "start", "kws")
    entries = {entry["MESSAGE"]: entry["PRIORITY"] for entry in journal(machine)}
    found = {text: priority for text, priority in entries.items() if "no microphone" in text}
    assert "4" in found.values()
    assert entries["configuration: /etc/kws/config.yaml"] == "6"


def test_a_model_beside_the_configuration_is_found_by_its_name(machine: Machine) -> None:
    machine.run(
        *("install", "-D", "-m", "644", "/opt/checkout/kws/models/commands-10.onnx"),
        "/etc/kws/models/mine.onnx",
    )
    machine.write(CONFIG, f"{DEMO}model: {{path: mine}}\n")
    machine.run("systemctl", "start", "kws")
    assert any("stop, go" in entry["MESSAGE"] for entry in journal(machine))


def test_installing_again_changes_no_file_and_restarts_it(machine: Machine) -> None:
    machine.run("systemctl", "start", "kws")
    before = state(machine)["MainPID"]
    said = machine.all_said("kws", "install-service")
    for text in (
        f"unchanged: {UNIT}",
        f"kept yours: {CONFIG}",
        "kws is running; see: systemctl status",
    ):
        assert text in said
    assert machine.run("cat", CONFIG) == DEMO
    now = state(machine)
    assert now["ActiveState"] == "active"
    assert now["MainPID"] != before


def test_uninstalling_leaves_what_people_wrote(machine: Machine) -> None:
    machine.run("systemctl", "start", "kws")
    said = machine.all_said("kws", "uninstall-service")
    assert f"removed {UNIT}" in said
    assert state(machine)["LoadState"] == "not-found"
    assert machine.run("cat", CONFIG) == DEMO
    assert "nothing to remove" in machine.all_said("kws", "uninstall-service")
    machine.run("kws", "install-service")


def test_a_kws_in_a_home_is_refused(machine: Machine) -> None:
    machine.run("mkdir", "-p", "/home/me")
    machine.run("cp", "-r", "/opt/kws", "/home/me/kws")
    launcher = machine.run("cat", "/opt/kws/bin/kws").replace("/opt/kws", "/home/me/kws")
    machine.write("/home/me/kws/bin/kws", launcher, mode="755")
    said = machine.all_said("/home/me/kws/bin/kws", "install-service", status=7)
    assert "a home, which the service cannot see" in said
    assert "Traceback" not in said

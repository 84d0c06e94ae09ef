"""What installing writes, what it leaves alone, and what it says."""

import logging
from pathlib import Path

import pytest

from kws.config.load import load_config
from kws.config.schema import Config
from kws.errors import ServiceError
from kws.service.files import put_files, remove_files, unit_text
from kws.service.layout import Layout, system_layout, user_layout

PROGRAM = Path("/srv/kws/bin/kws")


@pytest.fixture(params=["system", "user"])
def layout(request: pytest.FixtureRequest, tmp_path: Path) -> Layout:
    if request.param == "system":
        return system_layout(tmp_path)
    return user_layout({"HOME": "/home/me"}, tmp_path)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_all_is_put_in_place(layout: Layout, said: pytest.LogCaptureFixture) -> None:
    put_files(layout, PROGRAM)
    assert f"\nExecStart={PROGRAM} run\n" in layout.unit.read_text()
    assert load_config(layout.config) == Config()
    modes = [path.stat().st_mode & 0o777 for path in (layout.unit, layout.config)]
    assert modes == [0o644, 0o644]
    assert layout.environment.stat().st_mode & 0o777 == 0o600
    assert [message.split()[0] for message in said.messages] == ["created"] * 3


def test_again_nothing_happens(layout: Layout, said: pytest.LogCaptureFixture) -> None:
    put_files(layout, PROGRAM)
    said.clear()
    put_files(layout, PROGRAM)
    assert said.messages == [
        f"unchanged: {layout.unit}",
        f"kept yours: {layout.config}",
        f"kept yours: {layout.environment}",
    ]


def test_what_people_wrote_stays_and_the_unit_follows(
    layout: Layout, said: pytest.LogCaptureFixture
) -> None:
    put_files(layout, PROGRAM)
    layout.config.write_text("server: {port: 9000}\n")
    layout.environment.write_text("KWS_TOKEN=secret\n")
    layout.unit.write_text("of an older kws")
    put_files(layout, PROGRAM)
    assert f"updated {layout.unit}" in said.messages
    remove_files(layout)
    assert not layout.unit.exists()
    assert layout.config.read_text() == "server: {port: 9000}\n"
    assert layout.environment.read_text() == "KWS_TOKEN=secret\n"
    assert said.messages[-1] == f"kept your files in {layout.folder}"


def test_what_is_not_there_cannot_be_removed(
    layout: Layout, said: pytest.LogCaptureFixture
) -> None:
    remove_files(layout)
    assert said.messages == [f"{layout.unit} is not there: nothing to remove"]


def test_what_stands_in_the_way_is_named(layout: Layout) -> None:
    layout.unit.parent.parent.mkdir(parents=True)
    layout.unit.parent.write_text("a file")
    with pytest.raises(ServiceError, match=str(layout.unit.parent)):
        put_files(layout, PROGRAM)


@pytest.mark.parametrize(
    ("program", "written"),
    [("/opt/my kws/kws", '"/opt/my kws/kws"'), ("/opt/100%/kws", "/opt/100%%/kws")],
)
def test_any_path_can_be_run(program: str, written: str) -> None:
    assert f"\nExecStart={written} run\n" in unit_text(system_layout(), Path(program))

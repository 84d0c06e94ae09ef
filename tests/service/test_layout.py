"""Where a service's files go, and what the system's service could not see."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kws.errors import ServiceError
from kws.service import layout as layouts
from kws.service.layout import system_layout, user_layout, why_unseen


def test_the_systems(tmp_path: Path) -> None:
    layout = system_layout()
    assert layout.unit == Path("/etc/systemd/system/kws.service")
    assert layout.config == Path("/etc/kws/config.yaml")
    assert layout.environment == Path("/etc/kws/environment")
    assert system_layout(tmp_path).config == tmp_path / "etc/kws/config.yaml"


def test_a_users(tmp_path: Path) -> None:
    layout = user_layout({"HOME": "/home/me"})
    assert layout.unit == Path("/home/me/.config/systemd/user/kws.service")
    assert layout.config == Path("/home/me/.config/kws/config.yaml")
    moved = user_layout({"HOME": "/home/me", "XDG_CONFIG_HOME": "/mine"}, tmp_path)
    assert moved.unit == tmp_path / "mine/systemd/user/kws.service"
    with pytest.raises(ServiceError, match="HOME is not set"):
        user_layout({})


@pytest.mark.parametrize(
    "path", ["/home/me/.venv/bin/kws", "/root/x", "/run/user/1000/x", "/tmp/x", "/var/tmp/x"]
)
def test_a_home_or_a_temporary_folder_is_unseen(path: str) -> None:
    assert why_unseen([Path(path)]).startswith(path)


def test_what_all_users_may_read_is_seen() -> None:
    assert why_unseen([Path("/usr/bin/env"), Path("/usr/lib")]) == ""
    assert why_unseen([Path("/usr/bin/env"), Path("/usr/none")]) == (
        "/usr/none is not open to all users"
    )


def test_a_closed_folder_is_unseen_and_a_link_leads_where_it_leads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Tests write into a temporary folder, which would be reason enough.
    monkeypatch.setattr(layouts, "_HIDDEN", {})
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        closed, link = folder / "closed", folder / "link"
        closed.mkdir(mode=0o750)
        link.symlink_to(closed)
        assert why_unseen([folder]) == ""
        assert why_unseen([closed]) == f"{closed} is not open to all users"
        assert why_unseen([link]) == f"{closed} is not open to all users"

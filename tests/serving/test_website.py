"""The page's files, and what they may do."""

import re
from pathlib import Path

from kws.serving.website import FOLDER, POLICY, website


def test_the_page_is_at_the_root_and_its_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "page.css").write_text("p {}")
    (tmp_path / "notes.txt").write_text("nobody's business")
    site = website(tmp_path)
    assert set(site) == {"/", "/page.css"}
    assert site["/"].content_type == "text/html; charset=utf-8"
    assert site["/page.css"].body == b"p {}"
    assert all(each.headers["Content-Security-Policy"] == POLICY for each in site.values())


def test_the_policy_allows_no_other_hosts() -> None:
    assert POLICY.startswith("default-src 'none'")
    assert "unsafe" not in POLICY
    assert not re.search(r"https?:", POLICY)


def test_the_page_names_no_other_hosts() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8")
        addresses = re.findall(r"(?:https?|wss?)://[\w.-]+\.\w+", text)
        # The one name that SVG has to say.
        assert set(addresses) <= {"http://www.w3.org"}, path.name

"""The documentation hangs together: each link leads somewhere, each page is linked."""

import re
from collections import Counter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.resolve()
PAGES = sorted((REPOSITORY / "docs").glob("*.md"))
README = REPOSITORY / "README.md"
DOCUMENTS = [
    README,
    *PAGES,
    *(
        REPOSITORY / name
        for name in (
            "CONTRIBUTING.md",
            "CHANGELOG.md",
            "SECURITY.md",
            "bench/README.md",
            "studies/README.md",
            "requirements/README.md",
        )
    ),
]
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_FILE = re.compile(r"`([\w/]+/\w+\.py)`")
_ELSEWHERE = re.compile(r"[a-z]+:")


def links(path: Path) -> list[str]:
    """Targets of a document's links into this repository."""
    text = _FENCED.sub("", path.read_text(encoding="utf-8"))
    # The text of a link may be code, its target cannot.
    return [each for each in _LINK.findall(_CODE.sub("code", text)) if not _ELSEWHERE.match(each)]


def anchors(path: Path) -> set[str]:
    """Names that GitHub gives a document's headings."""
    seen: Counter[str] = Counter()
    names = set()
    for heading in _HEADING.findall(_FENCED.sub("", path.read_text(encoding="utf-8"))):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        names.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return names


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in links(path):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.is_relative_to(REPOSITORY), link
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_page_is_one_click_from_the_readme() -> None:
    linked = {(REPOSITORY / link.partition("#")[0]).resolve() for link in links(README)}
    assert {*PAGES, REPOSITORY / "CONTRIBUTING.md", REPOSITORY / "CHANGELOG.md"} <= linked


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_that_is_named_is_there(name: str) -> None:
    named = _FILE.findall((REPOSITORY / name).read_text(encoding="utf-8"))
    assert named
    for each in named:
        # The walk through the daemon names files by their place in `kws`.
        assert any((REPOSITORY / parent / each).is_file() for parent in ("", "kws")), each


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 160

"""The page about a model, from a model file and recordings to HTML."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

import train.reporting.examples
import train.reporting.findings
from kws.errors import ConfigError
from kws.spotting.calibration import Calibration, OperatingPoint
from kws.spotting.model_file import ModelFile, save_model
from tests.spotting.models import untrained_file
from tests.train.recordings import RATE, add_held_out, write_data
from train.reporting.report import ReportConfig, report

HOSTILE = '<img src=x onerror="alert(1)">&amp;$x^'
EPOCH = {
    "epoch": 1,
    "loss": 0.5,
    "accuracy": 0.8,
    "validation_accuracy": 0.75,
    "validation_rejection": None,
    "learning_rate": 0.001,
    "seconds": 61.0,
}
SECTIONS = [
    *("Misses and false alarms by threshold", "Missed words", "False alarms"),
    *("Confusion of clips", "Training by epoch", "Parts of streams", "The worst misses"),
    *("The worst false alarms", "Data, licence and settings"),
]


@dataclass
class Page(HTMLParser):
    """What is in a page; tags that do not fit together are an error."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.headings: list[str] = []
        self.rows: dict[str, list[str]] = {}
        self.text = ""
        self._row: list[str] = []
        self._open: list[str] = []
        self.feed(self.source)
        assert not self._open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        if tag != "meta":
            self._open.append(tag)
        if tag == "tr":
            self._row = []
        elif tag in ("th", "td"):
            self._row.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "tr":
            name, *cells = (" ".join(cell.split()) for cell in self._row)
            self.rows[name] = cells

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("style", "script"):
            return
        self.text += data
        if "td" in self._open or "th" in self._open:
            self._row[-1] += data
        if self._open and self._open[-1] == "h2":
            self.headings.append(data)

    def attributes(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(autouse=True, scope="module")
def _small() -> Iterator[None]:
    """Few and short examples: drawing is what takes the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train.reporting.findings, "SHOWN", 2)
        patch.setattr(train.reporting.examples, "STRETCH_S", 6.0)
        yield


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that can be measured with, one set under a name that is markup."""
    folder = add_held_out(write_data(tmp_path_factory.mktemp("recordings")))
    (folder / "negatives" / "evaluation" / "games").rename(
        folder / "negatives" / "evaluation" / HOSTILE
    )
    return folder


@pytest.fixture(scope="module")
def model() -> ModelFile:
    """A model file's content with all that a report can tell."""
    file = untrained_file(("low", "high"))
    plain = file.header
    points = (
        OperatingPoint(0.0, 0.5, dict.fromkeys(plain.classes, 0.9)),
        OperatingPoint(4.0, 0.1, dict.fromkeys(plain.classes, 0.3)),
    )
    header = replace(
        plain,
        name=HOSTILE,
        licence="CC0",
        sources=("Tones: CC0",),
        training={"batch": 64, "mixture": {"words": [0.5, 1.0]}, "history": [EPOCH]},
        calibration=Calibration(3.0, points),
    )
    return file.with_header(header)


@pytest.fixture(scope="module")
def written(model: ModelFile, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report."""
    folder = tmp_path_factory.mktemp("report")
    save_model(model, folder / "model.onnx")
    output = folder / "new" / "output"
    path = report(ReportConfig(folder / "model.onnx", recordings, output, workers=0))
    assert path == output / "index.html"
    return path.parent


@pytest.fixture(scope="module")
def page(written: Path) -> Page:
    return Page(written / "index.html")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page of a model that tells nothing of itself, with words of testing speakers only."""
    folder = tmp_path_factory.mktemp("bare")
    words = write_data(folder) / "speech_commands"
    (words / "validation_list.txt").rename(words / "testing_list.txt")
    (words / "validation_list.txt").touch()
    model, output = folder / "model.onnx", folder / "output"
    save_model(untrained_file(("low", "high")), model)
    return Page(report(ReportConfig(model, words, output, split="testing", workers=0)))


def test_the_verdict_comes_first_and_then_all_sections(page: Page) -> None:
    verdict, *rest = page.headings
    assert "ship" in verdict
    assert rest == SECTIONS


def test_a_page_loads_nothing_from_other_hosts(page: Page) -> None:
    for _, attributes in page.elements:
        assert attributes.get("src", "data:").startswith("data:")
        assert attributes.get("href", "#").startswith("#")
        assert attributes.get("xlink:href", "#").startswith(("#", "data:image/png"))
    assert not re.search(r"https?:|url\((?!#)|@import|srcset", page.source)
    (policy,) = (each["content"] for each in page.attributes("meta") if "http-equiv" in each)
    assert "default-src 'none'" in policy


def test_every_link_leads_somewhere(page: Page) -> None:
    places = {attributes.get("id") for _, attributes in page.elements}
    links = [each["href"] for each in page.attributes("a")]
    assert len(links) == 1 + len(SECTIONS)
    assert {link[1:] for link in links} <= places


def test_figures_are_there_and_as_files(page: Page, written: Path) -> None:
    figures = page.attributes("svg")
    assert len(figures) == len(list(written.glob("*.png")))
    assert all(each.read_bytes().startswith(b"\x89PNG") for each in written.glob("*.png"))
    for each in figures:
        assert each["role"] == "img"
        assert len(each["aria-label"]) > 20
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)


def test_the_policy_allows_the_script_and_no_other(page: Page) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", page.source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = (each["content"] for each in page.attributes("meta") if "http-equiv" in each)
    assert f"script-src 'sha256-{digest}'" in policy
    assert ".dataset" in script


def test_everything_that_can_be_drawn_is(written: Path) -> None:
    names = {re.sub(r"-\d.*", "", each.stem) for each in written.glob("*.png")}
    assert names == {
        *("operating-curve", "miss-rate", "confusion-matrix", "timeline", "miss", "false-alarm"),
        *("learning-loss", "learning-accuracy", "learning-rate"),
    }


def test_examples_have_their_audio(page: Page) -> None:
    sounds = page.attributes("audio")
    assert len(sounds) == 2 + 2 + 2
    for each in sounds:
        assert "controls" in each
        assert each["aria-label"]
        samples, rate = soundfile.read(BytesIO(_content(each["src"])))
        assert rate == RATE
        assert len(samples) / rate <= 6.0
        assert 0.05 < np.abs(samples).max() < 0.75


def test_tables_tell_what_thresholds_cost_and_sum_sets_up(page: Page) -> None:
    assert page.rows["0"] == ["50.0 %", "0.9", "0.9"]
    assert page.rows["4 in use"] == ["10.0 %", "0.3", "0.3"]
    sets = [page.rows[name] for name in (HOSTILE, "acting")]
    total = page.rows["all evaluation audio"]
    assert int(total[2]) == sum(int(each[2]) for each in sets) > 0
    assert {each[0] for each in sets} == {"evaluation"}


def test_names_are_shown_and_never_become_markup(page: Page) -> None:
    assert HOSTILE in page.text
    assert not any("onerror" in attributes for _, attributes in page.elements)
    assert f"negatives/evaluation/{HOSTILE}/" in page.text


def test_it_lists_what_the_model_was_trained_with(page: Page) -> None:
    for told in ("CC0", "Tones: CC0", "batch", "64", "mixture.words", "0.5, 1.0"):
        assert told in page.text
    assert "history" not in page.text
    assert "Epochs: 1, in 1 min 01 s" in page.text
    assert "no clips of other words to validate with" in page.text


def test_only_the_final_measurement_uses_testing_clips(page: Page, bare: Page) -> None:
    assert "report on the testing speakers" in " ".join(page.text.split())
    assert "report on the testing speakers" not in " ".join(bare.text.split())


def test_what_is_missing_leaves_a_sentence(bare: Page) -> None:
    assert bare.headings[1:] == SECTIONS
    for told in (
        "never calibrated",
        "has no record of its training's epochs",
        "Without evaluation audio",
        "the rate of false alarms is unknown",
        "names none",
        "not stated",
        "not measured",
    ):
        assert told in bare.text


def test_what_a_model_was_trained_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="trained on"):
        report(ReportConfig("yes-no-up-down", tmp_path, tmp_path, split="training"))


def test_a_folder_that_cannot_be_written_is_named(recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file: cannot be written"):
        report(ReportConfig("yes-no-up-down", recordings, tmp_path / "file"))


def _content(address: str) -> bytes:
    return base64.b64decode(address.partition("base64,")[2])

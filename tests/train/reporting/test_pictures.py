"""Pictures keep their size and shape, and an axis of rates has a place for none at all."""

from io import BytesIO
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from train.reporting.pictures import SHARPNESS, Picture, draw, rate_axis, series
from train.reporting.theme import DARK, LIGHT, THEMES, Theme


def half(figure: Figure, theme: Theme) -> None:
    """The right half in ink."""
    figure.set_layout_engine("none")
    figure.add_axes((0.5, 0, 0.5, 1), facecolor=theme.ink, xticks=[], yticks=[])


@pytest.fixture(params=[(1.0, 1.0), (1.113, 0.537), (2.9999, 1.7)])
def picture(request: pytest.FixtureRequest) -> Picture:
    return draw("half", "The right half is dark.", request.param, half)


def test_a_picture_is_as_wide_as_the_page_thinks(picture: Picture) -> None:
    for theme in THEMES:
        image = Image.open(BytesIO(picture.images[theme.name]))
        for pixels, size in zip(image.size, picture.size, strict=True):
            assert pixels == pytest.approx(SHARPNESS * size, abs=SHARPNESS)


def test_a_picture_is_not_skewed_and_has_the_colours_of_its_theme(picture: Picture) -> None:
    for theme in THEMES:
        image = Image.open(BytesIO(picture.images[theme.name])).convert("RGB")
        width, height = image.size
        for row in (3, height // 2, height - 4):
            assert _hex(image.getpixel((width // 2 - 6, row))) == theme.surface
            assert _hex(image.getpixel((width // 2 + 6, row))) == theme.ink


def test_the_file_shows_it_by_day(picture: Picture, tmp_path: Path) -> None:
    picture.write(tmp_path)
    assert (tmp_path / "half.png").read_bytes() == picture.images[LIGHT.name]


def test_none_stands_left_of_all_rates_that_hours_can_show() -> None:
    axes = Figure().subplots()
    none = rate_axis(axes, hours=5.0, most=20.0, label="per hour")
    low, high = axes.get_xlim()
    assert low < none < 1 / 5
    assert high > 20.0
    assert axes.get_xscale() == "log"


def test_keywords_stay_apart_when_colours_run_out() -> None:
    looks = [series(LIGHT, index) for index in range(32)]
    assert len(set(looks)) == 32


def test_both_themes_are_complete() -> None:
    assert len(LIGHT.series) == len(DARK.series)
    assert len(LIGHT.ramp) == len(DARK.ramp)
    assert LIGHT.variables().count("#") == DARK.variables().count("#") == 9


def _hex(pixel: object) -> str:
    assert isinstance(pixel, tuple)
    return "#{:02x}{:02x}{:02x}".format(*pixel)

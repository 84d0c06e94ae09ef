"""Figures take the colours of the page, texts stay texts, and no rate at all has its place."""

import re
from io import BytesIO
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.image import imread

from train.reporting.drawing import COLOURS, STYLESHEET, Drawing, draw, keyword_track, rate_axis

XLINK = '<svg xmlns:xlink="http://www.w3.org/1999/xlink">'


def half(figure: Figure) -> None:
    """The right half in ink."""
    figure.set_layout_engine("none")
    figure.add_axes((0.5, 0, 0.5, 1), facecolor=COLOURS["ink"], xticks=[], yticks=[])


def titled(name: str, text: str) -> Drawing:
    return draw(name, "", (2.0, 2.0), lambda figure: figure.subplots().set_title(text))


def test_a_figure_in_the_page_has_no_colour_of_its_own() -> None:
    drawing = draw("half", "The right half is dark.", (1.0, 1.0), half)
    assert "var(--ink)" in drawing.svg
    assert not re.search(r"#[0-9a-f]{6}", drawing.svg)
    assert "<style" not in drawing.svg


def test_the_file_shows_it_on_white() -> None:
    drawing = draw("half", "The right half is dark.", (1.0, 0.5), half)
    pixels = imread(BytesIO(drawing.png), format="png")
    assert pixels.shape[:2] == (100, 200)
    for column, colour in ((94, "surface"), (106, "ink")):
        red_green_blue = (round(255 * value) for value in pixels[50, column, :3])
        assert "#{:02x}{:02x}{:02x}".format(*red_green_blue) == COLOURS[colour]


def test_what_figures_define_does_not_collide_on_a_page() -> None:
    first, second = (
        set(re.findall(r'\bid="([^"]+)"', titled(name, "same").svg)) for name in ("first", "second")
    )
    assert first
    assert first.isdisjoint(second)


@settings(max_examples=15, deadline=None)
@given(st.text(alphabet="<>&\"'ab /=$#-", min_size=1).filter(str.strip))
def test_text_is_never_markup(text: str) -> None:
    root = ElementTree.fromstring(f"{XLINK}{titled('titled', text).svg}</svg>")
    assert text.strip() in [(each.text or "").strip() for each in root.iter("text")]


def test_both_themes_have_all_colours_and_no_two_names_are_of_one() -> None:
    light, dark = (
        re.findall(r"--([\w-]+): #[0-9a-f]{6};", part)
        for part in STYLESHEET.split("@media screen and (prefers-color-scheme: dark)")
    )
    assert light == dark == list(COLOURS)
    assert len(set(COLOURS.values())) == len(COLOURS)


def test_none_is_left_of_all_rates_that_hours_can_show() -> None:
    axes = Figure().subplots()
    none = rate_axis(axes, hours=5.0, most=20.0)
    low, high = axes.get_xlim()
    assert low < none < 1 / 5
    assert high > 20.0
    assert axes.get_xscale() == "log"


def test_keywords_stay_apart_when_colours_run_out() -> None:
    assert len({keyword_track(index) for index in range(32)}) == 32

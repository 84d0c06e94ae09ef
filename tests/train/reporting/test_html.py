"""Markup made of values, and what must never become markup."""

from hypothesis import given
from hypothesis import strategies as st

from train.reporting.html import Html, bullets, data_address, definitions, element, table


def test_an_element_has_contents_and_attributes() -> None:
    made = element("p", "a ", element("b", "c"), class_="x", aria_label="y")
    assert str(made) == '<p class="x" aria-label="y">a <b>c</b></p>'


def test_an_attribute_may_have_no_value_or_not_be_there() -> None:
    assert str(element("details", open=True)) == "<details open></details>"
    assert str(element("details", open=False, id="")) == "<details></details>"


def test_what_can_hold_nothing_is_not_closed() -> None:
    assert str(element("img", src="x", alt="y")) == '<img src="x" alt="y">'


@given(st.text(alphabet="<>&\"'ab /=", min_size=1))
def test_text_is_never_markup(text: str) -> None:
    made = str(element("p", text, title=text))
    opening, _, rest = made.partition('">')
    assert rest.endswith("</p>")
    assert "<" not in rest.removesuffix("</p>")
    assert opening.count('"') == 1
    assert ">" not in opening


def test_markup_stays_what_it_is() -> None:
    assert str(bullets(["<", Html("<i></i>")])) == "<ul><li>&lt;</li><li><i></i></li></ul>"


def test_a_table_names_its_rows_and_columns_and_can_be_moved_by_keys() -> None:
    made = str(table("Figures", ("Word", "Count", "Text"), [("yes", "1", "a")], texts=(2,)))
    assert '<th scope="col">Count</th>' in made
    assert '<th scope="row">yes</th><td>1</td><td class="text">a</td>' in made
    assert "<caption>Figures</caption>" in made
    assert 'tabindex="0"' in made


def test_definitions_are_pairs() -> None:
    assert "<dt>a</dt><dd>b</dd>" in str(definitions([("a", "b")]))


def test_an_address_can_hold_what_it_points_to() -> None:
    assert data_address("image/png", b"\x00\x01") == "data:image/png;base64,AAE="

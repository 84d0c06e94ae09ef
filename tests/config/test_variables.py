"""Variables of the environment: what they set, and what is said of those that set nothing."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.config.load import load_config
from kws.config.variables import unread_variables


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("KWS_SERVER_PORT", "KWS_SERVER__PORT"),
        ("KWS_PORT", "KWS_SERVER__PORT"),
        ("KWS_port", "KWS_SERVER__PORT"),
        ("KWS_DEVICE", "KWS_AUDIO__DEVICE"),
        ("KWS_MODEL_HOP_S", "KWS_MODEL__HOP_S"),
        ("KWS_DEFAULT_AUDIO_SOURCE", "KWS_DEFAULT__AUDIO__SOURCE"),
        ("KWS_TRIGER_TRESHOLD", "KWS_TRIGGER__THRESHOLD"),
        ("KWS_TOKENS", "KWS_TOKEN"),
        ("KWS_LOG", "KWS_LOG__LEVEL"),
        ("KWS_XYZZY", ""),
        ("KWS_SERVER__PORT", None),
        ("KWS_DEFAULT__AUDIO__SOURCE", None),
        ("KWS_TOKEN", None),
        ("SERVER_PORT", None),
    ],
)
def test_what_nobody_reads_is_found_with_what_was_meant(name: str, meant: str | None) -> None:
    assert unread_variables({name: "1"}).get(name) == meant


def test_what_kubernetes_sets_for_a_service_is_not_meant() -> None:
    assert not unread_variables(
        {
            "KWS_PORT": "tcp://10.0.0.1:8000",
            "KWS_SERVICE_HOST": "10.0.0.1",
            "KWS_SERVICE_PORT": "8000",
            "KWS_SERVICE_PORT_HTTP": "8000",
            "KWS_PORT_8000_TCP_ADDR": "10.0.0.1",
        }
    )


@given(st.text(string.ascii_uppercase + "_", max_size=30))
def test_any_name_is_read_or_not(rest: str) -> None:
    name = f"KWS_{rest}"
    meant = unread_variables({name: ""}).get(name)
    assert meant is None or meant == "" or not unread_variables({meant: ""})


@pytest.mark.parametrize(
    ("variable", "keyword"),
    [
        ("KWS_KEYWORDS__YES__THRESHOLD", "yes"),
        ("KWS_KEYWORDS__Alexa__THRESHOLD", "Alexa"),
        ("KWS_KEYWORDS__MARVIN__THRESHOLD", "Marvin"),  # as in the file
    ],
)
def test_a_keyword_with_capitals(tmp_path: Path, variable: str, keyword: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("keywords: {Marvin: {patience_s: 0.2}}")
    keywords = load_config(path, environment={variable: "0.75"}).keywords
    assert keywords[keyword].threshold == 0.75
    assert keywords["Marvin"].patience_s == 0.2
    assert set(keywords) == {"Marvin", keyword}

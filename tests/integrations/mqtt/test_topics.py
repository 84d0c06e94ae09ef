"""Topics: whatever a stream is called, it stays one level, and its own."""

from hypothesis import given
from hypothesis import strategies as st

from kws.integrations.mqtt.topics import Topics, segment, slug

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)


def test_the_topics_of_a_daemon() -> None:
    topics = Topics("home/kws", "kitchen")
    assert topics.availability == "home/kws/kitchen/availability"
    assert topics.detection("default") == "home/kws/kitchen/default/detection"
    assert topics.status("default") == "home/kws/kitchen/default/status"
    assert topics.status(None) == "home/kws/kitchen/status"
    assert topics.archive("a/b") == "home/kws/kitchen/a%2Fb/archive"
    assert topics.all_detections == "home/kws/kitchen/+/detection"
    assert topics.set_mute == "home/kws/kitchen/mute/set"


def test_usual_names_stay_as_they_are() -> None:
    assert segment("küche 2") == "küche 2"
    assert slug("kitchen-2") == "kitchen-2"


@given(NAMES)
def test_no_name_means_anything_in_a_topic(name: str) -> None:
    assert not set(segment(name)) & set("+#/$\0")
    safe = slug(name)
    assert safe.isascii()
    assert safe.replace("_", "").replace("-", "").isalnum() or set(safe) <= set("_-")


@given(st.lists(NAMES, min_size=2, max_size=2, unique=True))
def test_different_names_stay_different(names: list[str]) -> None:
    assert len({*map(segment, names)}) == 2
    assert len({*map(slug, names)}) == 2
    topics = Topics("kws", "id")
    assert len({topics.detection(each) for each in names}) == 2

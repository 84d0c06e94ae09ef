"""A small data set for all tests of the trainer."""

from pathlib import Path

import pytest

from tests.train.recordings import write_data


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))

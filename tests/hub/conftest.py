"""The Hub's fixtures and marker for the tests of this folder."""

import pytest

from tests.hub.fixtures import hub as hub
from tests.hub.fixtures import hub_process as hub_process


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "xet: uploads and downloads with the native Xet client")

"""The Hub's fixtures and marker for the tests of this folder."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "xet: uploads and downloads with the native Xet client")

"""Fixtures of the tests of whole reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from mammo_synth.films.prepared import PreparedSet

from .pool_files import tiny_pool, tiny_run


@pytest.fixture(scope="session")
def tiny_runs(prepared_set: PreparedSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folders ``cancer`` and ``normal`` of tiny generators; do not write to them."""
    folder = tmp_path_factory.mktemp("runs")
    for label in ("cancer", "normal"):
        tiny_run(prepared_set, label, folder / label)
    return folder


@pytest.fixture(scope="session")
def tiny_pools(tiny_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pools ``cancer`` and ``normal`` of 40 PNG files; do not write to them."""
    folder = tmp_path_factory.mktemp("pools")
    for label in ("cancer", "normal"):
        tiny_pool(tiny_runs / label, folder / label)
    return folder

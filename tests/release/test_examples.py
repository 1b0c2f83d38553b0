"""The examples that a student copies run as they stand, and give what they say."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mammo_synth.configurations import CANCER, CONFIGURATIONS, NORMAL
from mammo_synth.release.folder import Release

EXAMPLES = Path(__file__).resolve().parents[2] / "scripts" / "examples"
CONFIGURATION = "30-70-90syn"  # its classes differ in number, so swapped labels show
SHAPES = {
    "load_pytorch.py": (16, 1, 32, 32),
    "load_keras.py": (16, 32, 32, 1),
    "load_pandas.py": (16, 32, 32),
    "load_files.py": (16, 32, 32),
}


@pytest.mark.parametrize("name", SHAPES)
def test_an_example_prints_shape_and_labels(
    name: str, small_release: Release, tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        "HF_HOME": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, small_release.folder, CONFIGURATION],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    labels = re.search(r"labels \(1 is cancer\): (\{.*\})", done.stdout)
    batch = re.search(r"batch: (\(.*?\)) \S+ cancer in it: (\d+)", done.stdout)
    assert labels and batch, done.stdout
    counts = CONFIGURATIONS[CONFIGURATION].counts(small_release.size)
    wanted = {NORMAL: 0, CANCER: 0}
    for cell, n in counts.items():
        if cell.split == "train":
            wanted[cell.label] += n
    assert ast.literal_eval(labels[1]) == wanted
    assert ast.literal_eval(batch[1]) == SHAPES[name]
    assert 0 < int(batch[2]) < 16, "a shuffled batch has both classes"


def test_examples_are_short_and_all_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SHAPES)
    for path in EXAMPLES.glob("*.py"):
        code = path.read_text().splitlines()
        assert len([line for line in code if line.strip()]) <= 30, path.name

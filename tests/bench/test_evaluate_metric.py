"""The evaluate.Metric: as a class, by evaluate.load of a path, combined; in a process without a
network and with a cache of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mammo_synth.bench import evaluate_metric
from mammo_synth.bench.metrics import point_metrics
from mammo_synth.errors import BadInput

_SCRIPT = """
import json, sys
import numpy as np
import evaluate
from mammo_synth.bench.evaluate_metric import mammo_metrics, metric_path
p, label = np.array(json.loads(sys.argv[1])), np.array(json.loads(sys.argv[2]))
found = {"class": mammo_metrics().compute(predictions=p, references=label)}
loaded = evaluate.load(str(metric_path()))
found["file"] = loaded.compute(predictions=p, references=label, threshold=0.3)
added = mammo_metrics()
added.add(prediction=0.9, reference=1)
added.add_batch(predictions=[0.2, 0.6], references=[0, 0])
found["added"] = added.compute()
combined = evaluate.combine([mammo_metrics()])
found["combined"] = combined.compute(predictions=p, references=label)
try:
    mammo_metrics().compute(predictions=[0.5, float("nan")], references=[0, 1])
except Exception as error:
    found["error"] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
"""


def test_it_gives_the_benchmarks_numbers_without_a_network(tmp_path: Path) -> None:
    pytest.importorskip("evaluate")
    generator = np.random.default_rng(0)
    label = np.arange(50) % 2
    p = np.round(np.clip(0.3 * label + generator.uniform(0, 0.7, 50), 0, 1), 3)
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, json.dumps(p.tolist()), json.dumps(label.tolist())],
        env=os.environ
        | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    expected = point_metrics(label, p, 0.5)
    assert found["class"] == found["combined"] == pytest.approx(expected)
    assert found["file"] == pytest.approx(point_metrics(label, p, 0.3))
    assert found["file"]["recall"] > found["class"]["recall"]
    assert (found["added"]["recall"], found["added"]["specificity"]) == (1, 0.5)
    assert "NaN" in found["error"]


def test_without_the_package_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"pip install 'mammo-synth\[evaluate\]'"):
        evaluate_metric.mammo_metrics()

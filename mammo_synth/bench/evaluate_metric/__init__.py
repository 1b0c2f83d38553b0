"""The benchmark's metrics as an ``evaluate.Metric``, usable without a network.

As a class::

    from mammo_synth.bench.evaluate_metric import mammo_metrics
    mammo_metrics().compute(predictions=p_cancer, references=label)

or with `evaluate.load` of a local path::

    evaluate.load(str(metric_path()))
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from mammo_synth.errors import BadInput


def metric_path() -> Path:
    """The file that `evaluate.load` reads."""
    return Path(__file__).with_name("mammo_metrics.py")


def mammo_metrics(**settings: Any) -> Any:
    """A new `MammoMetrics`; ``settings`` go to `evaluate.Metric`.

    Raises:
        BadInput: The package evaluate is not installed.
    """
    if importlib.util.find_spec("evaluate") is None:
        raise BadInput(
            "The metric needs the package evaluate, which is not installed.",
            hint="pip install 'mammo-synth[evaluate]'; mammo_synth.bench.metrics.point_metrics "
            "gives the same numbers without it.",
        )
    module = importlib.import_module("mammo_synth.bench.evaluate_metric.mammo_metrics")
    return module.MammoMetrics(**settings)

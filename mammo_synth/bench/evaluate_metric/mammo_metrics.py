"""MammoMetrics: the benchmark's metrics for the package evaluate. Cancer (1) is positive."""

# evaluate reads the imports of this file line by line: one on each line, none from beside it.
import datasets
import evaluate
import numpy as np

from mammo_synth.bench.metrics import METRICS, point_metrics

_DESCRIPTION = (
    "The metrics of the mammo-synth benchmark at an operating point: "
    + ", ".join(METRICS).replace("_", " ")
    + ". Cancer (label 1) is the positive class; recall is sensitivity. A metric without a value "
    "(precision without a predicted cancer, AUROC with one class) is None."
)
_INPUTS = """
Args:
    predictions: Probability of cancer of each film, in [0, 1].
    references: Label of each film, normal 0, cancer 1.
    threshold: The operating point (0.5): from here on a film is called cancer. Choose it without
        the films that are scored.
Returns:
    One number per metric, or None.
Example:
    >>> MammoMetrics().compute(predictions=[0.9, 0.2, 0.6], references=[1, 0, 0])["recall"]
    1.0
"""
_CITATION = "mammo-synth; the definition of each metric: mammo_synth.bench.resampling"


class MammoMetrics(evaluate.Metric):  # type: ignore[misc]  # the package has no types
    """The benchmark's metrics, cancer positive."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("float64"),
                    "references": datasets.Value("int64"),
                }
            ),
        )

    def _compute(
        self, predictions: list[float], references: list[int], threshold: float = 0.5
    ) -> dict[str, float | None]:
        """The metrics; BadInput for a NaN, a score outside [0, 1] or another label."""
        return point_metrics(
            np.asarray(references, np.int64), np.asarray(predictions, np.float64), threshold
        )

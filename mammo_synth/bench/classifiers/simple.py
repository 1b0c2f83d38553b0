"""Classifiers without a network: the floor that every network must beat, and a control."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from mammo_synth.bench.classifiers.base import History, Images, Options, Part
from mammo_synth.bench.classifiers.images import FILTERS, resize
from mammo_synth.bench.recipes import CommonSettings, setting
from mammo_synth.bench.record import Weights
from mammo_synth.bench.resampling import Floats
from mammo_synth.errors import CheckFailed
from mammo_synth.progress import Progress


class WithoutNetwork:
    """What these have in common: no first weights, no backend, on the CPU."""

    backend: str | None = None
    device = "cpu"
    packages: tuple[str, ...] = ("numpy", "scikit-learn", "pillow")
    features_cached: bool | None = None

    @property
    def weights(self) -> Weights:
        """No first weights."""
        return {"origin": "none", "sha256": None}


@dataclass(frozen=True, kw_only=True)
class LogisticSettings(CommonSettings):
    """Settings of logistic regression on pixels.

    Attributes:
        input_size: Images are reduced to this side in px.
        resize_filter: Filter of the reduction.
        standardise: Scale every pixel to mean 0 and deviation 1 over the training part.
        inverse_penalty: scikit-learn's C of the squared (L2) penalty.
        solver, tolerance, max_iterations: Of the optimiser.
    """

    input_size: int = setting(low=4, high=1024)
    resize_filter: str = setting(choices=FILTERS)
    standardise: bool = setting()
    inverse_penalty: float = setting(low=1e-9)
    solver: str = setting(choices=("lbfgs",))
    tolerance: float = setting(low=0.0)
    max_iterations: int = setting(low=1)


class LogisticRegression(WithoutNetwork):
    """Logistic regression on the pixels of small images."""

    def __init__(self, settings: LogisticSettings, options: Options) -> None:
        self._settings = settings
        self._model: Any = None
        self.parameters: int | None = settings.input_size**2 + 1

    def fit(self, train: Part, validation: Part, *, seed: int, progress: Progress) -> History:
        """Learn from ``train``; the optimum is unique, so ``seed`` and ``validation`` are not
        used."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression as Regression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        s = self._settings
        regression = Regression(
            C=s.inverse_penalty, solver=s.solver, tol=s.tolerance, max_iter=s.max_iterations
        )
        scaler = StandardScaler(with_mean=s.standardise, with_std=s.standardise)
        self._model = make_pipeline(scaler, regression)
        progress.start("logistic regression", 1)
        with warnings.catch_warnings():
            # Where the iterations end early is a setting of the recipe, not an accident.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._model.fit(self._pixels(train.images), train.label)
        progress.advance()
        progress.finish()
        return History()

    def predict_proba(self, images: Images) -> Floats:
        """Probability of cancer, float64 [N]."""
        if self._model is None:
            raise CheckFailed("predict_proba was called before fit.")
        return np.asarray(self._model.predict_proba(self._pixels(images))[:, 1], np.float64)

    def _pixels(self, images: Images) -> Floats:
        small = resize(images, self._settings.input_size, self._settings.resize_filter)
        return small.reshape(len(small), -1) / 255.0


@dataclass(frozen=True, kw_only=True)
class PriorSettings(CommonSettings):
    """The control has no settings of its own."""


class Prior(WithoutNetwork):
    """Control: gives every film the share of cancer in the training part. It must score at
    chance."""

    def __init__(self, settings: PriorSettings, options: Options) -> None:
        self._share: float | None = None
        self.parameters: int | None = 1

    def fit(self, train: Part, validation: Part, *, seed: int, progress: Progress) -> History:
        """Count."""
        self._share = float(train.label.mean())
        return History()

    def predict_proba(self, images: Images) -> Floats:
        """The same number for every image, float64 [N]."""
        if self._share is None:
            raise CheckFailed("predict_proba was called before fit.")
        return np.full(len(images), self._share)

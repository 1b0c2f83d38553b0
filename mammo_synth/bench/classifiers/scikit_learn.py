"""Any classifier of scikit-learn, on pixels or on radiomics features; driven by its recipe."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np

from mammo_synth.bench.classifiers.base import History, Images, Options, Part
from mammo_synth.bench.classifiers.images import FILTERS, resize
from mammo_synth.bench.classifiers.radiomics import radiomics
from mammo_synth.bench.classifiers.simple import WithoutNetwork
from mammo_synth.bench.recipes import CommonSettings, setting
from mammo_synth.bench.resampling import Floats
from mammo_synth.errors import BadInput, CheckFailed, did_you_mean, nearest
from mammo_synth.progress import Progress

_CHUNK = 256  # images between two reports of progress


@dataclass(frozen=True, kw_only=True)
class ScikitLearnSettings(CommonSettings):
    """Settings of an estimator.

    Attributes:
        estimator: Full name of a classifier below ``sklearn`` that gives probabilities.
        parameters: Of its constructor; a ``random_state`` that is not among them is the
            replicate's seed.
        features: ``pixels``, or ``radiomics`` (see `mammo_synth.bench.classifiers.radiomics`).
        input_size, resize_filter: Images are brought to this side in px first.
        standardise: Scale every feature to mean 0 and deviation 1 over the training part.
        breast_threshold, grey_levels: Of radiomics.
    """

    estimator: str = setting()
    parameters: dict[str, Any] = setting()  # noqa: RUF009  (the dict is only its type)
    features: str = setting(choices=("pixels", "radiomics"))
    input_size: int = setting(low=4, high=1024)
    resize_filter: str = setting(choices=FILTERS)
    standardise: bool = setting()
    breast_threshold: int = setting(low=1, high=254)
    grey_levels: int = setting(low=2, high=256)


def board_name(settings: ScikitLearnSettings) -> str:
    """Name on the leaderboard, such as RandomForestClassifier-radiomics."""
    return f"{settings.estimator.rpartition('.')[2]}-{settings.features}"


def estimator_class(name: str) -> Any:
    """The class with this full name.

    Raises:
        BadInput: Not below ``sklearn``, not there, or no classifier.
    """
    from sklearn.base import ClassifierMixin

    module, _, cls = name.rpartition(".")
    if not name.startswith("sklearn."):
        raise BadInput(
            f"The estimator '{name}' is not below sklearn.",
            hint="For example sklearn.ensemble.RandomForestClassifier. For one of another package "
            "write a class of your own: benchmarks/classifiers.md.",
        )
    try:
        found = getattr(importlib.import_module(module), cls)
    except (ImportError, AttributeError) as error:
        raise BadInput(f"There is no estimator '{name}'.", hint=_meant(name)) from error
    if not inspect.isclass(found) or not issubclass(found, ClassifierMixin):
        raise BadInput(f"'{name}' is no classifier of scikit-learn.", hint=_meant(name))
    return found


def _meant(name: str) -> str:
    from sklearn.utils import all_estimators

    known = {}
    for found, cls in all_estimators(type_filter="classifier"):
        # Modules whose names begin with _ are not public: sklearn.ensemble._forest
        public = [part for part in cls.__module__.split(".") if not part.startswith("_")]
        known[found] = ".".join([*public, found])
    match = nearest(name.rpartition(".")[2], known)
    return f"Did you mean '{known[match]}'?" if match else "See scikit-learn's list of classifiers."


class ScikitLearn(WithoutNetwork):
    """An estimator behind the features of the recipe.

    Raises:
        BadInput: No such estimator or parameter, or it gives no probabilities.
    """

    packages: tuple[str, ...] = ("numpy", "scikit-learn", "pillow", "scipy")

    def __init__(self, settings: ScikitLearnSettings, options: Options) -> None:
        self._settings = settings
        self._class = estimator_class(settings.estimator)
        self._model: Any = None
        self.parameters: int | None = None
        self._estimator(0)

    def _estimator(self, seed: int) -> Any:
        """A new estimator, not fitted."""
        given, known = self._settings.parameters, inspect.signature(self._class).parameters
        for key in given:
            if key not in known:
                raise BadInput(
                    f"{self._settings.estimator} has no parameter '{key}'.",
                    hint=did_you_mean(key, known),
                )
        more = {"random_state": seed} if "random_state" in known else {}
        try:
            made = self._class(**(more | given))
        except TypeError as error:
            raise BadInput(
                f"{self._settings.estimator} cannot be made: {error}.",
                hint="It needs parameters that a recipe cannot hold; choose another.",
            ) from error
        if not hasattr(made, "predict_proba"):
            raise BadInput(
                f"{self._settings.estimator} gives no probabilities (no predict_proba) with these "
                f"parameters.",
                hint="Choose one that does: sklearn.linear_model.LogisticRegression, for example.",
            )
        return made

    def fit(self, train: Part, validation: Part, *, seed: int, progress: Progress) -> History:
        """Learn from ``train``; ``validation`` is not used.

        Raises:
            BadInput: scikit-learn refuses the parameters.
        """
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        s = self._settings
        scaler = StandardScaler(with_mean=s.standardise, with_std=s.standardise)
        model = make_pipeline(scaler, self._estimator(seed))
        progress.start(f"{s.features} for {board_name(s)}", len(train.label))
        features = self._features(train.images, progress)
        progress.finish()
        progress.start(board_name(s), 1)
        try:
            model.fit(features, train.label)
        except (ValueError, TypeError) as error:
            raise BadInput(
                f"{s.estimator} cannot be fitted: {error}", hint="Correct its parameters."
            ) from error
        progress.advance()
        progress.finish()
        self._model = model
        return History()

    def predict_proba(self, images: Images) -> Floats:
        """Probability of cancer, float64 [N]."""
        if self._model is None:
            raise CheckFailed("predict_proba was called before fit.")
        return np.asarray(self._model.predict_proba(self._features(images))[:, 1], np.float64)

    def _features(self, images: Images, progress: Progress | None = None) -> Floats:
        s = self._settings
        parts = []
        for begin in range(0, len(images), _CHUNK):
            small = resize(images[begin : begin + _CHUNK], s.input_size, s.resize_filter)
            if s.features == "pixels":
                parts.append(small.reshape(len(small), -1) / 255.0)
            else:
                parts.append(radiomics(small, s.breast_threshold, s.grey_levels))
            if progress is not None:
                progress.advance(len(small))
        return np.concatenate(parts)

"""The classifiers of the benchmark, by name. Frameworks are imported when one is fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mammo_synth.bench.classifiers.base import Classifier, Options
from mammo_synth.bench.classifiers.simple import (
    LogisticRegression,
    LogisticSettings,
    Prior,
    PriorSettings,
)
from mammo_synth.bench.classifiers.vgg16 import VGG16
from mammo_synth.bench.classifiers.vgg16_network import VGG16Settings
from mammo_synth.bench.recipes import CommonSettings, Recipe


@dataclass(frozen=True)
class Entry:
    """One classifier.

    Attributes:
        role: ``classifier`` competes; ``control`` shows what must not be exceeded by chance.
        settings: Its settings class.
        make: Builds it from settings and options.
    """

    role: str
    settings: type[CommonSettings]
    make: Callable[[Any, Options], Classifier]


CLASSIFIERS: dict[str, Entry] = {
    "vgg16": Entry("classifier", VGG16Settings, VGG16),
    "logistic-regression": Entry("classifier", LogisticSettings, LogisticRegression),
    "prior": Entry("control", PriorSettings, Prior),
}


def make_classifier(recipe: Recipe, options: Options) -> Classifier:
    """The classifier of ``recipe``, ready to fit."""
    return CLASSIFIERS[recipe.classifier].make(recipe.settings, options)

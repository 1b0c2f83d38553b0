"""The classifiers of the benchmark, by name. Frameworks are imported when one is fitted.

Some names stand for a family: one kind of recipe, in which one setting says which classifier it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo_synth.bench.classifiers.background import BACKGROUND_SETTINGS, BackgroundOnly
from mammo_synth.bench.classifiers.base import Classifier, Options
from mammo_synth.bench.classifiers.hugging_face import HuggingFace
from mammo_synth.bench.classifiers.hugging_face_folder import HuggingFaceSettings
from mammo_synth.bench.classifiers.hugging_face_folder import board_name as hugging_face_name
from mammo_synth.bench.classifiers.hugging_face_folder import locate as locate_checkpoint
from mammo_synth.bench.classifiers.keras_application import KerasApplication
from mammo_synth.bench.classifiers.keras_application_network import KerasApplicationSettings
from mammo_synth.bench.classifiers.keras_application_network import board_name as keras_name
from mammo_synth.bench.classifiers.own import OwnClassifier
from mammo_synth.bench.classifiers.own_source import OwnSettings, installed, locate
from mammo_synth.bench.classifiers.own_source import board_name as own_name
from mammo_synth.bench.classifiers.scikit_learn import ScikitLearn, ScikitLearnSettings
from mammo_synth.bench.classifiers.scikit_learn import board_name as scikit_learn_name
from mammo_synth.bench.classifiers.simple import (
    LogisticRegression,
    LogisticSettings,
    Prior,
    PriorSettings,
)
from mammo_synth.bench.classifiers.vgg16 import VGG16
from mammo_synth.bench.classifiers.vgg16_network import VGG16Settings
from mammo_synth.bench.recipes import CommonSettings, Recipe

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """One classifier, or one family of classifiers.

    Attributes:
        role: ``classifier`` competes; ``control`` shows what must not be exceeded by chance.
        settings: Its settings class; or several, by the setting ``network``.
        make: Builds it from a recipe and options.
        resolve: Of settings that name files: the settings as a record has them, and where the
            files lie. Raises BadInput for a file that is not there.
        name_of: Of a family: the name of the classifier on the leaderboard.
    """

    role: str
    settings: type[CommonSettings] | Mapping[str, type[CommonSettings]]
    make: Callable[[Recipe, Options], Classifier]
    resolve: Callable[[Values], tuple[dict[str, Any], dict[str, Path]]] | None = None
    name_of: Callable[[Any], str] | None = None

    def settings_of(self, values: Values) -> type[CommonSettings]:
        """The settings class for ``values``, which are not checked yet."""
        if isinstance(self.settings, type):
            return self.settings
        # An unknown network is refused later, by the choices of the setting itself.
        return self.settings.get(str(values.get("network")), next(iter(self.settings.values())))


def _simply(kind: Callable[[Any, Options], Classifier]) -> Callable[[Recipe, Options], Classifier]:
    return lambda recipe, options: kind(recipe.settings, options)


def _background(recipe: Recipe, options: Options) -> Classifier:
    settings: Any = recipe.settings
    inner = {"vgg16": VGG16, "logistic-regression": LogisticRegression}[settings.network]
    return BackgroundOnly(settings, inner(settings, options))


def _hugging_face(recipe: Recipe, options: Options) -> Classifier:
    settings: Any = recipe.settings
    return HuggingFace(settings, options, recipe.files)


def _own(recipe: Recipe, options: Options) -> Classifier:
    settings: Any = recipe.settings
    return OwnClassifier(settings, recipe.files)


CLASSIFIERS: dict[str, Entry] = {
    "vgg16": Entry("classifier", VGG16Settings, _simply(VGG16)),
    "vgg16-feature-extraction": Entry("classifier", VGG16Settings, _simply(VGG16)),
    "vgg16-full": Entry("classifier", VGG16Settings, _simply(VGG16)),
    "logistic-regression": Entry("classifier", LogisticSettings, _simply(LogisticRegression)),
    "prior": Entry("control", PriorSettings, _simply(Prior)),
    "background-only": Entry("control", BACKGROUND_SETTINGS, _background),
    "keras-application": Entry(
        "classifier", KerasApplicationSettings, _simply(KerasApplication), name_of=keras_name
    ),
    "hugging-face": Entry(
        "classifier",
        HuggingFaceSettings,
        _hugging_face,
        resolve=locate_checkpoint,
        name_of=hugging_face_name,
    ),
    "sklearn": Entry(
        "classifier", ScikitLearnSettings, _simply(ScikitLearn), name_of=scikit_learn_name
    ),
    "own": Entry(
        "classifier",
        OwnSettings,
        _own,
        resolve=locate,
        name_of=own_name,
    ),
}


def make_classifier(recipe: Recipe, options: Options) -> Classifier:
    """The classifier of ``recipe``, ready to fit."""
    return CLASSIFIERS[recipe.kind].make(recipe, options)


def find_reference(text: str) -> tuple[str, dict[str, Any]] | None:
    """The shipped recipe and the setting that ``text`` stands for; None if it is no reference.

    Args:
        text: ``keras:NAME``, ``hf:ORG/NAME``, ``sklearn``, ``path/to/file.py:MyClassifier`` or the
            name of an installed classifier.
    """
    prefix, _, rest = text.partition(":")
    if prefix in _PREFIXES and rest:
        recipe, key = _PREFIXES[prefix]
        return recipe, {key: rest}
    if text == "sklearn":
        return "random-forest-radiomics", {}
    if text.endswith(".py") or ".py:" in text or text in installed():
        return "own", {"source": text}
    return None


_PREFIXES = {
    "keras": ("keras-application", "application"),
    "hf": ("hugging-face", "checkpoint"),
}

"""Recipes: every setting of a classifier's run, in one TOML file, with a digest.

A recipe has ``name``, ``classifier``, ``description`` and a table ``[settings]``. No setting has
a default in the code: what is not written down is an error. Overrides (``--set epochs=3``) become
part of the settings and so of the digest. So does what a reference names: ``keras:EfficientNetB0``,
``hf:ORG/NAME`` and ``file.py:MyClassifier`` are the recipes of these families with one setting
replaced.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_type_hints

from mammo_synth.bench.operating_point import RULES
from mammo_synth.errors import BadInput, did_you_mean, nearest
from mammo_synth.files import sha256_json
from mammo_synth.resources import resource

VALIDATION_SPLITS = ("by patient and seed, stratified by label",)
_TYPES = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def setting(
    *,
    choices: Sequence[str] | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A field of a settings class: its allowed texts, or its inclusive bounds."""
    # Left out of the hash: a table of parameters has none.
    return dataclasses.field(hash=False, metadata={"choices": choices, "low": low, "high": high})


@dataclass(frozen=True, kw_only=True)
class CommonSettings:
    """Settings of every classifier.

    Attributes:
        validation_share: Share of the training rows that validation gets.
        validation_split: How; see `mammo_synth.bench.split`.
        operating_point: Rule that chooses the threshold on the validation part.
    """

    validation_share: float = setting(low=0.01, high=0.9)
    validation_split: str = setting(choices=VALIDATION_SPLITS)
    operating_point: str = setting(choices=RULES)


@dataclass(frozen=True)
class Recipe:
    """A classifier and all its settings.

    Attributes:
        name: Name of the recipe; overrides are named in it.
        classifier: Name on the leaderboard: ``vgg16``, or ``keras-EfficientNetB0`` of a family.
        description: One sentence.
        settings: Checked settings.
        kind: Key of `mammo_synth.bench.classifiers.CLASSIFIERS`; what a recipe file calls
            ``classifier``.
        files: Where files lie that the settings name by their digest; no part of a record.
    """

    name: str
    classifier: str
    description: str
    settings: CommonSettings
    kind: str
    files: Mapping[str, Path] = dataclasses.field(default_factory=dict, compare=False)

    @cached_property
    def plain(self) -> dict[str, Any]:
        """Settings with the classifier's kind, as they stand in a record."""
        values = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(self.settings).items()
        }
        return {"classifier": self.kind} | values

    @cached_property
    def sha256(self) -> str:
        """Digest of the canonical settings: equal settings, equal digest, whatever the file."""
        return sha256_json(self.plain)


def recipe_names() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(path.stem for path in resource("benchmarks/recipes").glob("*.toml"))


def load_recipe(name_or_file: str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a shipped recipe by its name, any recipe by its path (ending in .toml), or the recipe of
    a family by a reference.

    Args:
        name_or_file: ``vgg16``, ``path/to/mine.toml``, ``keras:EfficientNetB0``, ``hf:ORG/NAME``,
            ``path/to/file.py:MyClassifier`` or the name of an installed classifier.
        overrides: Settings to replace, by key.

    Raises:
        BadInput: No such recipe, not TOML, or a key is unknown, missing or of a wrong type or
            value; names the file, the key and the nearest known key.
    """
    from mammo_synth.bench.classifiers import find_reference

    overrides = dict(overrides or {})
    if not name_or_file.endswith(".toml") and name_or_file not in recipe_names():
        found = find_reference(name_or_file)
        if found is not None:
            name_or_file, named = found
            overrides = named | overrides
    if name_or_file.endswith(".toml"):
        path = Path(name_or_file)
        if not path.is_file():
            raise BadInput(f"There is no recipe file '{path}'.", hint="Check the path.")
    elif name_or_file in recipe_names():
        path = resource("benchmarks/recipes") / f"{name_or_file}.toml"
    else:
        raise BadInput(
            f"There is no recipe '{name_or_file}'.",
            hint=f"{did_you_mean(name_or_file, recipe_names())} Or give a path ending in .toml, "
            "keras:NAME, hf:ORG/NAME or path/to/file.py:MyClassifier.",
        )
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(
            f"'{path}' is not TOML ({error}).", hint="See benchmarks/recipes for recipes that work."
        ) from error
    return make_recipe(document, f"'{path}'", overrides)


def make_recipe(document: Mapping[str, Any], where: str, overrides: Mapping[str, Any]) -> Recipe:
    """A recipe from a parsed document; ``where`` names it in errors, which are as `load_recipe`."""
    from mammo_synth.bench.classifiers import CLASSIFIERS

    top = {"name": str, "classifier": str, "description": str, "settings": dict}
    _check_keys(document, top, where)
    for key, kind in top.items():
        if not isinstance(document[key], kind):
            raise BadInput(
                f"{where}: '{key}' is {document[key]!r}; "
                f"{'a table' if kind is dict else 'text'} was expected.",
                hint="See benchmarks/recipes for recipes that work.",
            )
    kind = document["classifier"]
    if kind not in CLASSIFIERS:
        raise BadInput(
            f"{where}: there is no classifier '{kind}'.", hint=did_you_mean(kind, CLASSIFIERS)
        )
    entry = CLASSIFIERS[kind]
    given = dict(document["settings"]) | dict(overrides)
    settings_class = entry.settings_of(given)
    known = get_type_hints(settings_class)
    _check_keys(document["settings"], known, f"{where}, [settings]")
    _check_keys(overrides, known, "--set", complete=False)
    given, files = entry.resolve(given) if entry.resolve else (given, {})
    name = document["name"]
    if overrides:
        name += " with " + ", ".join(
            f"{key}={given[key]}" for key in sorted(overrides) if given[key] != ""
        )
    settings = make_settings(settings_class, given, where)
    board_name = entry.name_of(settings) if entry.name_of else kind
    return Recipe(name, board_name, document["description"], settings, kind, files)


def make_settings(kind: type[CommonSettings], values: Mapping[str, Any], where: str) -> Any:
    """``values`` as an instance of the settings class ``kind``, each checked.

    Raises:
        BadInput: As `load_recipe`.
    """
    hints = get_type_hints(kind)
    _check_keys(values, hints, where)
    checked = {}
    for field in dataclasses.fields(kind):
        checked[field.name] = _check(field, hints[field.name], values[field.name], where)
    return kind(**checked)


def _check_keys(
    values: Mapping[str, Any], known: Mapping[str, Any], where: str, complete: bool = True
) -> None:
    """Every key known, and (if ``complete``) every known key there."""
    for key in values:
        if key not in known:
            raise BadInput(f"{where}: unknown key '{key}'.", hint=did_you_mean(key, known))
    missing = [key for key in known if key not in values]
    if complete and missing:
        raise BadInput(
            f"{where}: missing key{'s' if len(missing) > 1 else ''} "
            f"{', '.join(repr(key) for key in missing)}.",
            hint="A recipe writes every setting down; see benchmarks/recipes/vgg16.toml.",
        )


def _check(field: dataclasses.Field[Any], kind: Any, value: Any, where: str) -> Any:
    """One value of the right type and within its bounds."""
    if kind == dict[str, Any]:
        return _check_table(field.name, value, where)
    several = kind == tuple[int, ...]
    if several and isinstance(value, (list, tuple)):
        return tuple(_check_one(field, int, entry, where) for entry in value)
    if several:
        raise BadInput(
            f"{where}: '{field.name}' is {value!r}; a list of whole numbers was expected.",
            hint=f"For example {field.name} = [4096, 1072].",
        )
    return _check_one(field, kind, value, where)


def _check_table(name: str, value: Any, where: str) -> dict[str, Any]:
    """A table of plain values (they go into a record)."""
    plain = (bool, int, float, str)
    if not isinstance(value, Mapping) or not all(
        isinstance(entry, plain)
        or (isinstance(entry, list) and all(isinstance(e, plain) for e in entry))
        for entry in value.values()
    ):
        raise BadInput(
            f"{where}: '{name}' is {value!r}; a table of numbers, texts and lists was expected.",
            hint=f"For example {name} = {{ n_estimators = 300 }}.",
        )
    return dict(value)


def _check_one(field: dataclasses.Field[Any], kind: type, value: Any, where: str) -> Any:
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise BadInput(
            f"{where}: '{field.name}' is {value!r}; {_TYPES[kind]} was expected.",
            hint=f"Correct '{field.name}'.",
        )
    choices, low, high = (field.metadata[name] for name in ("choices", "low", "high"))
    if choices is not None and value not in choices:
        match = nearest(str(value), choices)
        raise BadInput(
            f"{where}: '{field.name}' is {value!r}; one of {', '.join(choices)} was expected.",
            hint=f"Did you mean '{match}'?" if match else f"Correct '{field.name}'.",
        )
    too_low = low is not None and not value >= low
    if too_low or (high is not None and not value <= high):
        bounds = f"at least {low}" if high is None else f"between {low} and {high}"
        raise BadInput(
            f"{where}: '{field.name}' is {value!r}; {bounds} was expected.",
            hint=f"Correct '{field.name}'.",
        )
    return value


def parse_overrides(texts: Sequence[str]) -> dict[str, Any]:
    """``["epochs=3", "weights=random"]`` as settings: values are TOML, bare words are text.

    Raises:
        BadInput: A text without ``=``, or a key given twice.
    """
    values: dict[str, Any] = {}
    for text in texts:
        key, sign, value = (part.strip() for part in text.partition("="))
        if not sign or not key or key in values:
            what = "given twice" if key in values else "not of the form key=value"
            raise BadInput(f"--set {text}: {what}.", hint="For example --set epochs=3")
        try:
            values[key] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            values[key] = value
    return values

"""Recipes by name, as the commands of ``mammo-synth bench`` take them; and their list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammo_synth.cli import console

if TYPE_CHECKING:
    from mammo_synth.bench.classifiers.base import Options
    from mammo_synth.bench.recipes import Recipe

EPILOG = "Example: mammo-synth bench recipes"


def recipes(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for a program to read.")
    ] = False,
) -> None:
    """List the recipes that come with the package."""
    from mammo_synth.bench.recipes import load_recipe, recipe_names

    found = [load_recipe(name) for name in recipe_names()]
    if as_json:
        keys = ("name", "classifier", "description", "sha256")
        rows = [{key: getattr(r, key) for key in keys} | {"settings": r.plain} for r in found]
        console.print_json(rows)
        return
    for recipe in found:
        console.out().print(
            f"{recipe.name} ({recipe.classifier}, {recipe.sha256[:12]})\n  {recipe.description}",
            markup=False,
        )


def listed(text: str) -> list[str]:
    """``a,b`` as a list without repetitions."""
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def named_setting(recipe: str, classifier: str) -> dict[str, Any]:
    """The setting that ``--classifier`` puts into ``--recipe``; BadInput if the two differ."""
    from mammo_synth.bench.classifiers import find_reference
    from mammo_synth.bench.recipes import load_recipe
    from mammo_synth.errors import BadInput

    chosen = load_recipe(recipe)
    reference = find_reference(classifier)
    if reference is not None:
        family, named = reference
        if load_recipe(family).kind == chosen.kind:
            return named
    if classifier not in (chosen.classifier, chosen.kind):
        raise BadInput(
            f"The recipe '{recipe}' is for {chosen.classifier}, not for {classifier}.",
            hint="Leave --classifier out, or choose another --recipe.",
        )
    return {}


def prepare(
    names: Sequence[str],
    texts: list[str],
    weights: str | None,
    device: str,
    cache_gib: float,
    named: Mapping[str, Any] | None = None,
) -> tuple[list[Recipe], Options]:
    """Recipes with their overrides, and the options of the run. In a grid, an override goes to
    every recipe that knows its key; one that no recipe knows is an error."""
    from mammo_synth.bench.classifiers import make_classifier
    from mammo_synth.bench.classifiers.base import GIB, Options
    from mammo_synth.bench.recipes import load_recipe, parse_overrides
    from mammo_synth.errors import BadInput
    from mammo_synth.files import sha256_file

    overrides: dict[str, Any] = dict(named or {}) | parse_overrides(texts)
    file = None
    if weights in ("imagenet", "random"):
        overrides["weights"] = weights
    elif weights is not None:
        file = Path(weights)
        if not file.is_file():
            raise BadInput(
                f"--weights: '{weights}' is neither imagenet nor random nor an existing file.",
                hint="Check the path.",
            )
        overrides |= {"weights": "file", "weights_sha256": sha256_file(file)}
    plain = [load_recipe(name) for name in names]
    known = {key for recipe in plain for key in recipe.plain}
    recipes = []
    for name, recipe in zip(names, plain, strict=True):
        wanted = {k: v for k, v in overrides.items() if k in recipe.plain or k not in known}
        recipes.append(load_recipe(name, wanted) if wanted else recipe)
    options = Options(
        device=device,
        cache_features=cache_gib > 0,
        cache_bytes=int(cache_gib * GIB),
        weights_file=file,
    )
    for recipe in recipes:
        # What a recipe alone cannot say: a class without fit, an unknown parameter, a package that
        # is not installed. Better now than in the middle of a grid.
        make_classifier(recipe, options)
    return recipes, options

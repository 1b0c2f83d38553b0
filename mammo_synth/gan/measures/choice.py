"""The measure that a run is judged by, chosen by name.

Names are ``none``; ``texture`` (`MEASURES`); a measure of images, like ``spectrum``; or a measure
of features and an extractor with a colon between, like ``frechet:radiomics`` or
``kid:keras:ResNet50``. The last two come from `mammo_synth.quality`, which stands after this room
in the flow and imports it. So nothing of it is imported before a name asks for it, and training
sees a :class:`~mammo_synth.gan.measures.Measure` only, whatever made it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_synth.errors import BadInput, did_you_mean

from . import MEASURES, Measure

NONE = "none"
LEAST_FILMS = 8
"""Fewer say nothing of a distribution, and the k-th nearest of them may not be there."""
BATCH = 96
"""Images at a time: whole batches of an extractor's network, and of what is drawn at a time."""
WEIGHTS_OPTION = "--measure-weights"


@dataclass(frozen=True)
class Choice:
    """A measure as the user names it. Small and plain: another process can make the same one.

    Attributes:
        name: As above.
        weights: File (for ``hf:`` folder, for PyTorch files also address) of the extractor's
            weights.
        cache: Folder that keeps the films' features.
    """

    name: str
    weights: str | None = None
    cache: Path | None = None

    def make(self, device: str = "cpu") -> Measure | None:
        """The measure, or ``None`` for ``none``; ``device``: cpu, cuda or cuda:N, for networks.

        Raises:
            BadInput: An unknown name, an extractor too many or too few, weights that are missing,
                damaged or not needed, a package or device that is not there.
        """
        check_name(self.name)
        measure, extractor = split_name(self.name)
        if extractor is None:
            for value, option in ((self.weights, WEIGHTS_OPTION), (self.cache, "--measure-cache")):
                if value is not None:
                    raise BadInput(
                        f"The measure '{measure}' has no extractor, and {option} is for one.",
                        hint=f"Leave {option} away, or name an extractor: frechet:radiomics.",
                    )
            return MEASURES.get(measure) or (None if measure == NONE else _of_images(measure))
        return _of_features(self, measure, extractor, device)


def split_name(name: str) -> tuple[str, str | None]:
    """Measure and extractor of a name, cut at the first colon; no extractor where there is none."""
    measure, colon, extractor = name.partition(":")
    return measure, extractor if colon else None


def check_name(name: str) -> None:
    """Raise :class:`BadInput` unless a measure can have this name. Loads no extractor."""
    measure, extractor = split_name(name)
    if name in MEASURES or name == NONE:
        return
    from mammo_synth.quality.extractors import EXTRACTORS, FAMILIES, make_extractor
    from mammo_synth.quality.measures import MEASURES as OF_QUALITY

    known = (*MEASURES, NONE, *OF_QUALITY)
    if measure not in known:
        raise BadInput(f"There is no measure '{measure}'.", hint=did_you_mean(measure, known))
    takes = measure in OF_QUALITY and OF_QUALITY[measure].on == "features"
    if takes and not extractor:
        names = [*EXTRACTORS, *(f"{family}:NAME" for family in FAMILIES)]
        raise BadInput(
            f"The measure '{measure}' compares features, and no extractor was named.",
            hint=f"Write for example {measure}:radiomics. Extractors: {', '.join(names)}.",
        )
    if not takes and extractor is not None:
        raise BadInput(
            f"'{name}' names an extractor, and the measure '{measure}' takes none.",
            hint=f"Write {measure}, or a measure of features: frechet:{extractor or 'radiomics'}.",
        )
    if extractor and extractor not in EXTRACTORS and extractor.partition(":")[0] not in FAMILIES:
        make_extractor(extractor)  # says that there is none, and what there is


def _of_images(name: str) -> Measure:
    from mammo_synth.quality.measures import MEASURES as OF_QUALITY

    found = OF_QUALITY[name]
    facts = {"measure": name, "better": found.better, "extractor": None}
    return Measure(
        name,
        f"{found.text}, {found.unit}" if found.unit else found.text,
        found.rows,
        found.value,
        found.better,
        facts=facts,
        batch=BATCH,
        least=LEAST_FILMS,
    )


def _of_features(choice: Choice, name: str, extractor: str, device: str) -> Measure:
    from mammo_synth.quality.features import FeatureCache, extract
    from mammo_synth.quality.measures import MEASURES as OF_QUALITY
    from mammo_synth.quality.measures import MIXED_UNITS, in_units

    found, made = OF_QUALITY[name], _make_extractor(extractor, choice.weights, device)
    cache = None if choice.cache is None else FeatureCache(choice.cache)

    def features(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        return extract(made, images)

    def film_features(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        return extract(made, images, cache=cache)

    def distance(real: NDArray[np.float64], fake: NDArray[np.float64]) -> float:
        return found.value(*in_units(made.name, real, fake))

    facts = {
        "measure": name,
        "better": found.better,
        "extractor": made.name,
        "extractor_digest": made.digest,
        "weights": dict(made.weights) or None,
        "standardised": made.name in MIXED_UNITS,
    }
    return Measure(
        choice.name,
        f"{found.text}, {made.name}",
        features,
        distance,
        found.better,
        digest=made.digest,
        facts=facts,
        film_features=film_features,
        batch=BATCH,
        least=LEAST_FILMS,
    )


def _make_extractor(name: str, weights: str | None, device: str) -> Any:
    from mammo_synth.quality.extractors import make_extractor

    make: Callable[..., Any] = make_extractor
    # Keras chooses among accelerators by kind alone.
    kind = device.partition(":")[0] if _is_of_keras(name, weights) else device
    try:
        return make(name, device=kind, weights=weights)
    except BadInput as error:
        # There the option of every other command is meant.
        hint = None if error.hint is None else error.hint.replace("--weights", WEIGHTS_OPTION)
        raise BadInput(error.message, hint=hint) from error


def _is_of_keras(name: str, weights: str | None) -> bool:
    return name.startswith("keras:") or (name == "radimagenet" and str(weights).endswith(".h5"))

"""Extractors by name: what features a fidelity measure compares.

An extractor to add is one module with a function ``(weights, device)`` or a class, and one line
below. Nothing heavy is imported before an extractor is made.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.quality.features import Extractor

__all__ = ["DEFAULT", "EXTRACTORS", "make_extractor"]

DEFAULT = "radiomics"
"""Needs no weights."""


@dataclass(frozen=True)
class Entry:
    """One name.

    Attributes:
        text: What it is, in a few words.
        weights: Whether it cannot do without a file of weights (or its address).
        module: Below this package.
        function: In it; called with (weights, device), or nothing where it has no weights, or
            with what stands after the colon first.
    """

    text: str
    weights: bool
    module: str
    function: str


EXTRACTORS: dict[str, Entry] = {
    "radiomics": Entry(
        "grey levels, texture and spectrum; no learned weights", False, "radiomics", "Radiomics"
    ),
    "pixels": Entry("32 x 32 grey levels; a sanity baseline", False, "pixels", "Pixels"),
    "inception": Entry("the network of the FID", True, "inception", "inception"),
    "squeezenet": Entry("SqueezeNet 1.1, ImageNet", True, "squeezenet", "squeezenet"),
    "radimagenet": Entry("ResNet-50, radiological images", True, "radimagenet", "radimagenet"),
    "dino": Entry("DINO ViT-S/16, without labels", False, "hugging_face", "dino"),
}
"""By full name."""
FAMILIES: dict[str, Entry] = {
    "keras": Entry(
        "a network of keras.applications", False, "keras_application", "keras_application"
    ),
    "hf": Entry("a checkpoint of Hugging Face", False, "hugging_face", "hugging_face"),
    "timm": Entry("a network of timm", False, "timm_model", "timm_model"),
}
"""By what stands before the colon: ``keras:NAME``, ``hf:ORG/NAME`` or ``hf:FOLDER``,
``timm:NAME``."""
_FREE = ("radiomics", "pixels")


def make_extractor(
    name: str, *, device: str = "auto", weights: Path | str | None = None
) -> Extractor:
    """The extractor of this name.

    Args:
        name: One of `EXTRACTORS`, or ``keras:NAME``, ``hf:ORG/NAME``, ``hf:FOLDER``, ``timm:NAME``.
        device: auto, cpu or cuda, for networks.
        weights: File (for hf: folder) of weights, or for PyTorch files their address.

    Raises:
        BadInput: An unknown name; weights that are missing, damaged or of another network; a
            package or device that is not there.
    """
    family, colon, rest = name.partition(":")
    if colon and family in FAMILIES:
        if not rest:
            raise BadInput(f"'{name}' names no network.", hint=f"For example {family}:NAME.")
        return _call(FAMILIES[family], rest, weights, device)
    if name not in EXTRACTORS:
        known = [*EXTRACTORS, *(f"{family}:NAME" for family in FAMILIES)]
        raise BadInput(f"There is no extractor '{name}'.", hint=did_you_mean(name, known))
    if name in _FREE:
        if weights is not None:
            raise BadInput(f"The extractor '{name}' has no weights.", hint="Leave --weights away.")
        return _call(EXTRACTORS[name])
    return _call(EXTRACTORS[name], weights, device)


def _call(entry: Entry, *arguments: Any) -> Extractor:
    module = importlib.import_module(f"{__name__}.{entry.module}")
    make: Callable[..., Extractor] = getattr(module, entry.function)
    return make(*arguments)

"""Whether the real pixels of a release are in its folder, and what can be loaded without them.

* ``packed``: the films' terms allow it, so their pixels are in the shards.
* ``referenced``: they do not. The folder holds references to films (source, image id, digests,
  geometry) and no real pixel: this form may be passed on.
* ``rehydrated``: a referenced release whose owner has put the films' pixels in place. It loads as
  if packed, and stays where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mammo_synth.configurations import CONFIGURATIONS, DEFAULT, SPLITS

PACKED, REFERENCED, REHYDRATED = "packed", "referenced", "rehydrated"

REFERENCES = "references"
"""Folder of the reference tables in a release."""

_DEFAULT_WITHOUT_FILMS = "50-50-100syn"


def held_shards(facts: Mapping[str, Any]) -> frozenset[str]:
    """Paths of the shards that are in the folder: those that have a digest."""
    return frozenset(entry["path"] for entry in facts["shards"] if entry["sha256"] is not None)


def loadable(facts: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The configurations whose train and test can be loaded whole, with the splits that can.

    No configuration and no split is offered with a part of its rows: a score on what is left of
    one would not be a score on it.
    """
    held = held_shards(facts)
    found = {}
    for name in CONFIGURATIONS:
        if name not in facts["configurations"]:
            continue
        splits = facts["configurations"][name]["splits"]
        whole = {split for split, entry in splits.items() if held.issuperset(entry["shards"])}
        if whole.issuperset(SPLITS):
            # Manifests sort their keys; the order here is the reader's.
            order = (*SPLITS, "real_test")
            found[name] = tuple(s for s in order if s in whole and splits[s]["rows"])
    return found


def default_configuration(facts: Mapping[str, Any]) -> str:
    """The configuration that is loaded where none is named."""
    return DEFAULT if DEFAULT in loadable(facts) else _DEFAULT_WITHOUT_FILMS


def may_be_passed_on(facts: Mapping[str, Any]) -> bool:
    """Whether the folder holds no real pixel that its source's terms keep from others."""
    return bool(facts["terms"]["redistributable"]) or facts["real"] == REFERENCED

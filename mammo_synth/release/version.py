"""Semantic versions of a release.

* patch: card and metadata only; every image and every configuration stays as it is;
* minor: images or columns are added; what was there keeps its bytes and its place;
* major: images, labels or splits change, so results are not comparable across it.
"""

from __future__ import annotations

import re

from mammo_synth.errors import BadInput

MEANING = {
    "patch": "card or metadata only; every image and configuration stays as it is",
    "minor": "images or columns are added; what was there keeps its bytes and its place",
    "major": "images, labels or splits change; results are not comparable across it",
}


def check_version(text: str) -> None:
    """Raise BadInput unless ``text`` is a semantic version of three numbers."""
    if not re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", text):
        raise BadInput(
            f"'{text}' is not a version; three numbers such as 1.0.0 were expected.",
            hint="See https://semver.org for what they mean.",
        )

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
KINDS = tuple(MEANING)
"""Kinds of a step, the smallest first."""


def check_version(text: str) -> None:
    """Raise BadInput unless ``text`` is a semantic version of three numbers."""
    parts(text)


def parts(text: str) -> tuple[int, int, int]:
    """Major, minor and patch of a version, in the order in which versions compare.

    Raises:
        BadInput: It is not a semantic version of three numbers.
    """
    if not re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", text, flags=re.ASCII):
        raise BadInput(
            f"'{text}' is not a version; three numbers such as 1.0.0 were expected.",
            hint="See https://semver.org for what they mean.",
        )
    major, minor, patch = map(int, text.split("."))
    return major, minor, patch


def next_version(previous: str, kind: str) -> str:
    """The smallest version after ``previous`` that is a step of ``kind``.

    Args:
        previous: A version.
        kind: One of `KINDS`.
    """
    major, minor, patch = parts(previous)
    if kind == "major":
        return f"{major + 1}.0.0"
    if kind == "minor":
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


def check_step(previous: str, new: str, kind: str) -> None:
    """Raise BadInput unless ``new`` comes after ``previous`` by a step of ``kind`` or more.

    Args:
        previous: Version of the release before.
        new: Version of the new one.
        kind: The least kind of step that the changes need, one of `KINDS`.
    """
    needed = next_version(previous, kind)
    if parts(new) <= parts(previous):
        raise BadInput(
            f"Version {new} does not come after the release before, which is {previous}.",
            hint=f"Its changes are a {kind} step: give it version {needed} or a later one.",
        )
    if parts(new) < parts(needed):
        raise BadInput(
            f"Version {new} is too small a step from {previous}: the changes are a {kind} step "
            f"({MEANING[kind]}).",
            hint=f"Give it version {needed} or a later one.",
        )

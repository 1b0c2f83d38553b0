"""What is wrong with a value by a JSON schema, in words: one account for every file of ours."""

from __future__ import annotations

from typing import Any

LONGEST = 300


def first_problem(validator: Any, value: Any, longest: int = LONGEST) -> str | None:
    """``at a.b, ...``: the first place where ``value`` breaks the schema and what was expected
    there, at most ``longest`` characters of it; None where it follows the schema.

    Args:
        validator: Of `jsonschema`, such as ``Draft202012Validator(schema)``.
        value: Read from JSON.
        longest: Of what was expected.
    """
    errors = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.path)))
    if not errors:
        return None
    place = ".".join(str(part) for part in errors[0].path) or "the top"
    return f"at {place}, {errors[0].message[:longest]}"

"""The dataset card: reading its YAML head and checking it, as the Hub does at each commit.

The Hub's own schema is not public as a file; these are the rules that its documentation states.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from tests.hub.access import Hub
from tests.hub.messages import Answer, Refusal, Request, answer
from tests.hub.store import Repository, Tree

README = "README.md"
_LICENSES = """
    apache-2.0 mit openrail bsd bsd-2-clause bsd-3-clause cc cc0-1.0 cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0
    cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0
    cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 gpl gpl-2.0
    gpl-3.0 agpl-3.0 lgpl-3.0 odc-by odbl pddl unlicense unknown other
"""
_SIZES = """
    n<1K 1K<n<10K 10K<n<100K 100K<n<1M 1M<n<10M 10M<n<100M 100M<n<1B 1B<n<10B n>1T unknown other
"""
LICENSES, SIZES = frozenset(_LICENSES.split()), frozenset(_SIZES.split())
LISTS = ("task_categories", "task_ids", "source_datasets", "annotations_creators", "tags")
BAD_NAME = re.compile(r"[<>:/\\|?*]")
HEAD = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)


def validate(hub: Hub, request: Request) -> Answer:
    """The clients ask this before each commit of a README: 400 with `errors` when it is bad."""
    wanted = request.json()
    errors, warnings = check(str(wanted.get("content", "")), str(wanted.get("repoType", "model")))
    found = {"errors": _messages(errors), "warnings": _messages(warnings)}
    return answer(found, 400 if errors else 200)


def refuse_bad(content: bytes, kind: str) -> None:
    """Refuse the commit of a README whose head is not valid."""
    errors, _ = check(content.decode("utf-8", "replace"), kind)
    if errors:
        raise Refusal(400, "Invalid metadata in README.md:\n- " + "\n- ".join(errors))


def of_tree(repository: Repository, tree: Tree) -> dict[str, Any]:
    """The card's data in a tree; empty when there is none."""
    entry = tree.get(README)
    path = repository.content(entry) if entry is not None else None
    if path is None:
        return {}
    data, _ = _parse(path.read_text(encoding="utf-8", errors="replace"))
    return data or {}


def tags(data: Mapping[str, Any]) -> list[str]:
    """The tags that the Hub shows: the card's own, and those it makes of other fields."""
    found = [str(tag) for tag in data.get("tags") or []]
    for key in ("task_categories", "size_categories", "license", "language"):
        value = data.get(key)
        found += [f"{key}:{item}" for item in (value if isinstance(value, list) else [value])]
    return [tag for tag in found if not tag.endswith(":None")]


def check(content: str, repo_type: str) -> tuple[list[str], list[str]]:
    """Errors and warnings about a README: its YAML, then the fields that have rules."""
    data, error = _parse(content)
    if error:
        return [error], []
    if not data:
        return [], ["empty or missing yaml metadata in repo card"]
    errors = _check_license(data)
    for key in LISTS:
        errors += _check_strings(key, data.get(key))
    if repo_type in ("dataset", "datasets"):
        errors += _check_sizes(data.get("size_categories"))
        errors += _check_configs(data.get("configs"))
        errors += _check_dataset_info(data.get("dataset_info"))
        if not isinstance(data.get("pretty_name", ""), str):
            errors.append('"pretty_name" must be a string')
    return errors, []


def _parse(content: str) -> tuple[dict[str, Any] | None, str | None]:
    head = HEAD.match(content)
    if head is None:
        return None, None
    try:
        data = yaml.safe_load(head[1])
    except yaml.YAMLError as error:
        return None, f"YAML is not valid: {' '.join(str(error).split())}"
    if data is not None and not isinstance(data, dict):
        return None, "YAML metadata must be an object"
    return data, None


def _messages(texts: list[str]) -> list[dict[str, str]]:
    return [{"message": text} for text in texts]


def _check_license(data: Mapping[str, Any]) -> list[str]:
    given = data.get("license")
    names = given if isinstance(given, list) else [given]
    bad = [name for name in names if name is not None and name not in LICENSES]
    errors = [f'"license" must be one of [{", ".join(sorted(LICENSES))}], not {b!r}' for b in bad]
    for key in ("license_name", "license_link"):
        if key in data and not isinstance(data[key], str):
            errors.append(f'"{key}" must be a string')
    return errors


def _check_strings(key: str, value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        return [f'"{key}" must be an array']
    return [f'"{key}[{i}]" must be a string' for i, v in enumerate(value) if not isinstance(v, str)]


def _check_sizes(value: Any) -> list[str]:
    errors = _check_strings("size_categories", value)
    bad = [v for v in value or [] if v not in SIZES] if not errors else []
    return [*errors, *(f'"size_categories" must be one of {sorted(SIZES)}, not {b!r}' for b in bad)]


def _check_configs(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return ['"configs" must be an array of objects']
    errors, names = [], [item.get("config_name") for item in value]
    for name in names:
        if not isinstance(name, str) or not name or BAD_NAME.search(name):
            errors.append(f'"configs.config_name" is not a valid name: {name!r}')
        elif names.count(name) > 1:
            errors.append(f'"configs" has {name!r} more than once')
    if sum(item.get("default") is True for item in value) > 1:
        errors.append('"configs" has more than one default')
    for item in value:
        errors += _check_data_files(item.get("config_name"), item.get("data_files"))
    return list(dict.fromkeys(errors))


def _check_data_files(name: Any, value: Any) -> list[str]:
    """A pattern, a list of patterns, or a list of `{split, path}` with each split once."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    errors, splits = [], []
    for item in items:
        paths = item.get("path") if isinstance(item, dict) else item
        paths = paths if isinstance(paths, list) else [paths]
        if not paths or not all(isinstance(path, str) for path in paths):
            errors.append(f'"configs.data_files" of {name!r} must name paths')
        if isinstance(item, dict):
            splits.append(item.get("split"))
    errors += [
        f'"configs.data_files" of {name!r} has a bad split name: {split!r}'
        for split in splits
        if not isinstance(split, str) or not re.fullmatch(r"\w+(\.\w+)*", split)
    ]
    if len(set(map(str, splits))) < len(splits):
        errors.append(f'"configs.data_files" of {name!r} names a split more than once')
    return errors


def _check_dataset_info(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(item, dict) for item in items):
        return ['"dataset_info" must be an object or an array of objects']
    errors = []
    for item in items:
        for feature in item.get("features") or []:
            if not isinstance(feature, dict) or not isinstance(feature.get("name"), str):
                errors.append('"dataset_info.features.name" must be a string')
        for split in item.get("splits") or []:
            if not isinstance(split, dict) or not isinstance(split.get("num_examples"), int):
                errors.append('"dataset_info.splits.num_examples" must be a number')
    return errors

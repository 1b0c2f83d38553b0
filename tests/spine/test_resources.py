"""What ships beside the code is found in a checkout, and an installed wheel carries all of it."""

from __future__ import annotations

import re
import tomllib

import pytest

from mammo_synth.errors import BadInput
from mammo_synth.resources import resource
from tests._shared import ROOT


def named_resources() -> set[str]:
    """Every path of the repository that the package names in a string."""
    names = set()
    named = re.compile(r'"((?:benchmarks|dataset_cards)(?:/[\w./-]*)?)"')
    for path in (ROOT / "mammo_synth").rglob("*.py"):
        names |= set(named.findall(path.read_text()))
    return names


def test_every_named_resource_is_there_and_goes_into_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    names = named_resources() - {"benchmarks", "benchmarks/"}
    assert len(names) >= 3
    for name in names:
        assert resource(name).exists()
        assert any(name == source or name.startswith(f"{source}/") for source in included), name
    for source, target in included.items():
        assert (ROOT / source).exists()
        assert target == f"mammo_synth/_resources/{source}"


def test_an_incomplete_installation_says_so() -> None:
    with pytest.raises(BadInput, match="missing from this installation"):
        resource("benchmarks/none")

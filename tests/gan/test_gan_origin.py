"""Generators say what they and the networks before them learned from."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_synth.errors import BadInput
from mammo_synth.gan.checkpoint import write_tensors
from mammo_synth.gan.origin import Origin
from mammo_synth.gan.sample import load_generator
from mammo_synth.gan.train import train_run

from .gan_runs import TINY, blobs

SHORT = replace(TINY, kimg=0.004)
TEXT = st.text(max_size=20)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A run on films of patients a and b."""
    origin = Origin("both", "1" * 64, "clinic", licence="CC-BY-4.0", patients=("a", "b"))
    folder = tmp_path_factory.mktemp("origin") / "first"
    train_run(blobs(), SHORT, folder, origin)
    return folder


@given(
    st.builds(
        Origin,
        label=TEXT,
        prepared_manifest=TEXT,
        source=TEXT,
        simulated=st.booleans(),
        licence=TEXT,
        patients=st.none() | st.lists(TEXT, max_size=3).map(tuple),
        before=st.lists(st.dictionaries(TEXT, TEXT, max_size=3), max_size=2).map(tuple),
    )
)
def test_a_header_holds_all_of_it(origin):
    header = origin.header()
    assert all(isinstance(value, str) for value in header.values())
    assert Origin.from_header(header) == origin


@pytest.mark.parametrize("source", ["checkpoint.safetensors", "generator.safetensors"])
def test_a_run_inherits_what_it_began_from(first, tmp_path, source):
    own = Origin("cancer", "2" * 64, "phantom", True, "CC0-1.0", patients=("b", "c"))
    made = load_generator(train_run(blobs(), SHORT, tmp_path, own, start=first / source).generator)
    assert json.loads(made.metadata["patients"]) == ["a", "b", "c"]
    assert not made.simulated
    assert made.metadata["licence"] == "CC0-1.0; it began from networks under: CC-BY-4.0"
    (before,) = made.describe()["before"]
    assert before["label"] == "both" and before["source"] == "clinic" and before["kimg"] == "0.004"
    assert before["sha256"] == made.metadata["init_from"]
    again = own.after(made.path)
    assert [entry["sha256"] for entry in again.before] == [made.sha256, before["sha256"]]
    assert again.patients == ("a", "b", "c") and not again.simulated


def test_networks_that_do_not_say_make_it_unknown(tmp_path):
    own = Origin("cancer", patients=("a",), licence="CC0-1.0", simulated=True)
    path = tmp_path / "foreign.safetensors"
    write_tensors(path, {}, {"format": "mammo-synth/networks/1", "licence": "CC0-1.0"})
    after = own.after(path)
    assert after.patients is None and not after.simulated and after.licence == "CC0-1.0"
    assert json.loads(after.header()["patients"]) is None
    path.unlink()
    write_tensors(path, {}, {"patients": "{'a'"})
    with pytest.raises(BadInput, match="does not say readably"):
        own.after(path)

"""What changed between two releases: which step of the version it needs, and in which words."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo_synth.configurations import CANCER, CONFIGURATIONS, NORMAL, REAL, SYNTHETIC, Cell
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_json
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.release.cell_rows import cell_rows
from mammo_synth.release.changes import (
    Edition,
    compare,
    first_history,
    next_history,
    render_changelog,
)
from mammo_synth.release.folder import Release
from mammo_synth.release.plan import plan_shards, shards_of
from mammo_synth.release.version import check_step, next_version
from tests.conftest import build_small_release

CANCER_TRAIN = Cell("train", CANCER, SYNTHETIC)
REAL_TRAIN = Cell("train", CANCER, REAL)

Pairs = list[tuple[str, str]]


class Made:
    """A release on paper: rows of every cell, shards cut as a build cuts them."""

    def __init__(self, size: int = 120, version: str = "1.0.0") -> None:
        self.settings = {"size": size, "version": version, "truncation": 1.0, "name": "mammo-synth"}
        self.plan = plan_shards(size, {CANCER: 4, NORMAL: 6})
        self.rows: dict[Cell, Pairs] = {}
        for shard in self.plan:
            cell = self.rows.setdefault(shard.cell, [])
            cell += [
                (f"{shard.cell.name}-{k}", f"pixels of {shard.cell.name} {k}")
                for k in range(shard.start, shard.stop)
            ]
        self.about: dict[str, Any] = {
            "protocol": "strict",
            "source": "phantom",
            "image_size": 32,
            "terms": {"licence": "CC0", "redistributable": True, "simulated": True},
            "films": {"train": {"cancer": 9, "normal": 9}},
            "generators": {name: {"sha256": name * 16} for name in ("cancer", "normal")},
            "real": "packed",
        }
        self.reads: list[Cell] = []

    def edition(self) -> Edition:
        def digest(shard: Any) -> str | None:
            if self.about["real"] == "referenced" and shard.cell.origin == REAL:
                return None
            return sha256_json(self.rows[shard.cell][shard.start : shard.stop])

        shards = [
            {
                "path": shard.path,
                "split": shard.cell.split,
                "label": shard.cell.label,
                "origin": shard.cell.origin,
                "start": shard.start,
                "rows": shard.rows,
                "sha256": digest(shard),
            }
            for shard in self.plan
        ]
        configurations = {
            name: {
                "splits": {
                    split: {"shards": [s.path for s in chosen], "rows": sum(s.rows for s in chosen)}
                    for split, chosen in shards_of(name, self.settings["size"], self.plan).items()
                }
            }
            for name in CONFIGURATIONS
        }
        facts = {**self.about, "shards": shards, "configurations": configurations}

        def read(cell: Cell) -> Pairs:
            self.reads.append(cell)
            return self.rows.get(cell, [])

        return Edition(self.settings, facts, read)


def test_the_same_images_are_a_patch_and_nothing_is_read() -> None:
    old, new = Made(), Made(version="1.0.1")
    changes = compare(old.edition(), new.edition())
    assert changes.kind == "patch"
    assert changes.sentences == (
        "Card or metadata only: every image and configuration is as before.",
    )
    assert not old.reads and not new.reads


@settings(max_examples=20)
@given(st.integers(20, 300), st.integers(1, 100))
def test_growing_is_minor_wherever_shards_are_cut(size: int, more: int) -> None:
    old, new = Made(size), Made(size + more)
    changes = compare(old.edition(), new.edition())
    text = " ".join(changes.sentences)
    assert " changed" not in text and "No longer loads" not in text
    # Rounding may take an image from a cell although the size grew: then it is no growth.
    counts = [(one.counts(size), one.counts(size + more)) for one in CONFIGURATIONS.values()]
    shrunk = any(after[cell] < n for before, after in counts for cell, n in before.items())
    assert changes.kind == ("major" if shrunk else "minor")
    if not shrunk:
        counted = re.findall(r": ([\d,]+) images? added", text)
        added = sum(len(new.rows[cell]) - len(old.rows.get(cell, [])) for cell in new.rows)
        assert sum(int(n.replace(",", "")) for n in counted) == added
    assert compare(new.edition(), old.edition()).kind == "major"


def test_one_other_picture_is_major() -> None:
    old, new = Made(), Made()
    new.rows[CANCER_TRAIN][7] = (new.rows[CANCER_TRAIN][7][0], "other pixels")
    changes = compare(old.edition(), new.edition())
    assert changes.kind == "major"
    assert changes.sentences == ("train, cancer, synthetic: 1 image changed.",)
    assert old.reads == new.reads == [CANCER_TRAIN]


def test_another_order_is_major_and_a_place_is_kept_or_lost() -> None:
    old, new = Made(), Made()
    cell = new.rows[CANCER_TRAIN]
    cell[0], cell[1] = cell[1], cell[0]
    changes = compare(old.edition(), new.edition())
    assert changes.kind == "major" and "order changed" in changes.sentences[0]


def test_an_image_that_moves_to_the_other_split_is_major() -> None:
    old, new = Made(), Made()
    new.rows[CANCER_TRAIN][0] = new.rows[Cell("test", CANCER, SYNTHETIC)][0]
    changes = compare(old.edition(), new.edition())
    assert changes.kind == "major"
    assert "1 image added, 1 image removed" in changes.sentences[0]


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda m: m.settings.update(truncation=0.7), "major", "Truncation psi: 1.0 → 0.7"),
        (lambda m: m.about.update(protocol="study"), "major", "Protocol: strict → study"),
        (lambda m: m.about.update(source="mias"), "major", "Source of the films: phantom → mias"),
        (lambda m: m.about.update(image_size=64), "major", "Image size in pixels: 32 → 64"),
        (
            lambda m: m.about["generators"].update(cancer={"sha256": "f" * 64}),
            "major",
            f"Another generator of cancer: sha256 cancercancercanc → {'f' * 16}",
        ),
        (
            lambda m: m.about.update(terms={**m.about["terms"], "licence": "CC BY"}),
            "patch",
            "Licence of the films: CC0 → CC BY",
        ),
        (
            lambda m: m.about.update(films={"train": {"cancer": 10, "normal": 9}}),
            "patch",
            "Prepared films: train cancer 9 → 10.",
        ),
    ],
)
def test_what_determines_the_images(change: Callable[[Made], None], kind: str, words: str) -> None:
    old, new = Made(), Made()
    change(new)
    changes = compare(old.edition(), new.edition())
    assert changes.kind == kind
    assert len(changes.sentences) == 1 and words in changes.sentences[0]


@pytest.mark.parametrize("later", [["image", "label", "view"], ["image", "view", "label"]])
def test_columns_added_anywhere_are_minor(later: list[str]) -> None:
    old, new = Made(), Made()
    old.about["columns"], new.about["columns"] = ["image", "label"], later
    assert compare(old.edition(), new.edition()).kind == "minor"
    assert compare(new.edition(), old.edition()).kind == "major"
    new.about["columns"] = ["label", "image"]
    assert compare(old.edition(), new.edition()).kind == "major"


def test_films_that_leave_the_folder_take_configurations_with_them() -> None:
    packed, referenced = Made(), Made()
    referenced.about["real"] = "referenced"
    changes = compare(packed.edition(), referenced.edition())
    assert changes.kind == "major"
    assert any("No longer loads" in s and "50-50-90syn train" in s for s in changes.sentences)
    assert packed.reads == referenced.reads != []  # no digest settles these cells
    back = compare(referenced.edition(), packed.edition())
    assert back.kind == "minor" and any("Loads now" in s for s in back.sentences)


def test_references_are_compared_row_by_row() -> None:
    old, new = Made(), Made()
    old.about["real"] = new.about["real"] = "referenced"
    assert compare(old.edition(), new.edition()).kind == "patch"
    new.rows[REAL_TRAIN][0] = ("another film", "other pixels")
    changes = compare(old.edition(), new.edition())
    assert changes.kind == "major" and "train, cancer, real" in changes.sentences[0]


@pytest.mark.parametrize(
    ("previous", "new", "kind", "needed"),
    [
        ("1.2.3", "1.2.2", "patch", "1.2.4"),
        ("1.2.3", "1.2.3", "patch", "1.2.4"),
        ("1.2.3", "1.2.4", "minor", "1.3.0"),
        ("1.9.3", "1.10.0", "major", "2.0.0"),
        ("1.10.0", "1.9.9", "minor", "1.11.0"),
    ],
)
def test_a_version_that_is_too_low_is_told_which_it_must_be(
    previous: str, new: str, kind: str, needed: str
) -> None:
    with pytest.raises(BadInput) as error:
        check_step(previous, new, kind)
    assert error.value.hint is not None and needed in error.value.hint
    assert next_version(previous, kind) == needed
    check_step(previous, needed, kind)
    check_step(previous, "9.0.0", kind)


def test_a_history_grows_newest_first() -> None:
    first, second = Made(), Made(160, "1.1.0")
    first.about["history"] = first_history(first.settings, first.edition().facts)
    history = next_history(first.edition(), second.edition())
    assert [(e["version"], e["kind"]) for e in history] == [("1.1.0", "minor"), ("1.0.0", "first")]
    assert "120 per configuration" in history[1]["changes"][0]
    third = Made(160, "2.0.0")
    second.about["history"] = history
    longer = next_history(second.edition(), third.edition())
    assert longer[0]["kind"] == "major" and longer[1:] == history
    text = render_changelog(third.settings, {"history": longer})
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## 2.0.0 (major)",
        "## 1.1.0 (minor)",
        "## 1.0.0 (first)",
    ]
    assert all(f"- {s}" in text for entry in longer for s in entry["changes"])
    too_small = Made(160, "1.0.1")
    with pytest.raises(BadInput, match=r"1\.1\.0"):
        next_history(first.edition(), too_small.edition())


def test_a_previous_release_without_a_history_is_not_forgotten() -> None:
    old, new = Made(), Made(version="1.0.1")
    history = next_history(old.edition(), new.edition())
    assert [entry["version"] for entry in history] == ["1.0.1", "1.0.0"]


def test_two_built_releases(
    small_release: Release, prepared_set: PreparedSet, tmp_path: Path
) -> None:
    larger = build_small_release(prepared_set, tmp_path, 160, version="1.1.0")

    def edition(release: Release, **about: Any) -> Edition:
        facts = {**copy.deepcopy(release.manifest.facts), **about}
        return Edition(release.manifest.settings, facts, cell_rows(release.folder, facts))

    changes = compare(edition(small_release), edition(larger))
    assert changes.kind == "minor", changes.sentences
    assert "Images per configuration: 120 → 160." in changes.sentences
    with pytest.raises(BadInput, match="does not come after"):
        next_history(edition(larger), edition(small_release))


def test_a_film_and_the_reference_to_it_have_one_digest(small_release: Release) -> None:
    facts = copy.deepcopy(small_release.manifest.facts)
    for shard in facts["shards"]:
        if shard["origin"] == REAL:
            shard["sha256"] = None
    folder = small_release.folder
    held = cell_rows(folder, small_release.manifest.facts)(REAL_TRAIN)
    named = cell_rows(folder, facts)(REAL_TRAIN)
    assert held == named and held


def test_a_damaged_shard_is_one_clear_error(small_release: Release, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        cell_rows(tmp_path, small_release.manifest.facts)(CANCER_TRAIN)

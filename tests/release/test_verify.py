"""`release verify`: what is wrong is named, nothing that is right is, and no damage stops it."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mammo_synth.configurations import CANCER, LABELS, NORMAL
from mammo_synth.errors import BadInput
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.manifest import read_manifest, write_manifest
from mammo_synth.png import decode_png, encode_png
from mammo_synth.progress import Silent
from mammo_synth.release.build import ReleaseSettings, build_release
from mammo_synth.release.folder import Release
from mammo_synth.release.forms import REFERENCED, REHYDRATED
from mammo_synth.release.generators import GeneratorFile
from mammo_synth.release.images import check_image
from mammo_synth.release.regenerate import _draw, open_generators, regenerate
from mammo_synth.release.rehydrate import PreparedFilms, rehydrate
from mammo_synth.release.verify import verify_release
from tests.conftest import Command, FakeGenerator, fake_generators
from tests.gan.gan_files import NETWORK, generator_file
from tests.release.tampering import first, rewrite

Rows = list[dict[str, Any]]


@pytest.fixture()
def copy(small_release: Release, tmp_path: Path) -> Path:
    folder = tmp_path / "mammo-synth"
    shutil.copytree(small_release.folder, folder)
    return folder


@pytest.fixture(scope="module")
def referenced(prepared_set: PreparedSet, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release that leaves real films out; do not write to it."""
    folder = tmp_path_factory.mktemp("referenced")
    generators = fake_generators(prepared_set, folder)
    return build_release(prepared_set, generators, folder / "mammo-synth", ReleaseSettings(40))


def reseal(folder: Path, change: Callable[[dict[str, Any]], None] | None = None) -> Release:
    """Write a manifest whose digests fit the tampered files: only the content can betray them."""
    from mammo_synth.configurations import CONFIGURATIONS
    from mammo_synth.files import sha256_file, sha256_json
    from mammo_synth.files import write_text as write
    from mammo_synth.release.documents import documents

    old = read_manifest(folder)
    facts = old.facts
    for entry in facts["shards"]:
        path = folder / entry["path"]
        if path.is_file():
            entry["sha256"], entry["bytes"] = sha256_file(path), path.stat().st_size
    by_path = {entry["path"]: entry for entry in facts["shards"]}
    for name in CONFIGURATIONS:
        listed = []
        for split in ("train", "test", "real_test"):
            held = facts["configurations"][name]["splits"][split]
            held["bytes"] = sum(by_path[path]["bytes"] for path in held["shards"])
            listed += [[path, by_path[path]["sha256"]] for path in held["shards"]]
        facts["configurations"][name]["digest"] = sha256_json(listed)
    if change is not None:
        change(facts)  # found before any document is rendered
    else:
        for name, text in documents(old.settings, facts).items():
            write(folder / name, text)
    write_manifest(folder, "release", settings=old.settings, inputs=old.inputs, facts=facts)
    return Release.open(folder)


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_sound_releases_have_no_problem(
    small_release: Release, referenced: Release, prepared_set: PreparedSet, tmp_path: Path
) -> None:
    for release in (small_release, referenced):
        assert verify_release(release) == []
    assert (small_release.manifest.facts["real"], referenced.manifest.facts["real"]) == (
        REHYDRATED,
        REFERENCED,
    )
    study = tmp_path / "mammo-synth"
    shutil.copytree(referenced.folder, study)
    assert verify_release(rehydrate(Release.open(study), PreparedFilms(prepared_set))) == []


def test_a_changed_byte_in_any_kind_of_file_is_named(copy: Path) -> None:
    for name in ("README.md", "contact-sheet.png", "croissant.json", "references"):
        path = copy / name
        path = next(path.glob("*")) if path.is_dir() else path
        flip(path, path.stat().st_size // 2)
        (problem,) = verify_release(Release.open(copy))
        assert str(path) in problem and "sha256" in problem
        flip(path, path.stat().st_size // 2)
    assert verify_release(Release.open(copy)) == []


def test_the_damaged_image_in_a_shard_is_named(copy: Path) -> None:
    shard = first(copy, "train/cancer-synthetic")
    rows = pq.read_table(shard).to_pylist()
    image = rows[7]["image"]["bytes"]
    flip(shard, shard.read_bytes().index(image) + len(image) // 2)
    (problem,) = verify_release(Release.open(copy))
    assert f"{shard} is not the file" in problem
    assert f"row 7 ({rows[7]['image_id']}): its image does not decode" in problem
    assert "row 6" not in problem and "row 8" not in problem


@pytest.mark.parametrize("place", ["magic", "first page", "footer", "length of the footer"])
def test_no_damage_of_a_shard_ends_the_process(place: str, copy: Path) -> None:
    shard = first(copy, "test/normal-synthetic")
    size = shard.stat().st_size
    footer = int.from_bytes(shard.read_bytes()[-8:-4], "little")
    at = {"magic": 0, "first page": 6, "footer": size - 8 - footer // 2}.get(place, size - 6)
    flip(shard, at)
    (problem,) = verify_release(Release.open(copy))
    assert str(shard) in problem and "sha256" in problem


def test_a_footer_that_would_end_the_process_is_read_in_another_one(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child is killed as a crash in Parquet's library would kill it."""
    from mammo_synth.release import damage

    code = "import os, sys; print(sys.argv[2] + ', row 0 (x): bad.', flush=True); os.abort()"
    real = damage.subprocess.run

    def crash(command: list[str], **options: Any) -> Any:
        return real([command[0], "-c", code, *command[3:]], **options)

    monkeypatch.setattr(damage.subprocess, "run", crash)
    flip(first(copy, "test/normal-synthetic"), 6)
    (problem,) = verify_release(Release.open(copy))
    assert "row 0 (x): bad." in problem


def test_missing_foreign_and_cut_files(copy: Path) -> None:
    shard, other = first(copy, "train/normal-real"), first(copy, "test/normal-real")
    shard.unlink()
    other.write_bytes(other.read_bytes()[:-3])
    (copy / "data" / "extra.parquet").write_bytes(b"x")
    text = "\n".join(verify_release(Release.open(copy)))
    assert f"{shard} is missing" in text and "extra.parquet is not in the manifest" in text
    assert f"{other} has" in text and "the manifest says" in text


def grey16(row: dict[str, Any]) -> None:
    pixels = decode_png(row["image"]["bytes"]).astype(np.uint16) * 257
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    row["image"]["bytes"] = buffer.getvalue()


def smaller(row: dict[str, Any]) -> None:
    row["image"]["bytes"] = encode_png(decode_png(row["image"]["bytes"])[:16, :16])


SYNTHETIC_CHANGES: tuple[tuple[Callable[[dict[str, Any]], Any], str], ...] = (
    (lambda row: row.update(label=0), "label or origin is not that of its cell"),
    (lambda row: row.update(origin=1), "label or origin is not that of its cell"),
    (lambda row: row.update(seed=5), "its seed is 5, its place has seed"),
    (lambda row: row.update(generator="0" * 16), "its generator is 0000000000000000"),
    (lambda row: row.update(truncation=0.5), "its truncation is 0.5"),
    (lambda row: row.update(patient_id="p1"), "a synthetic image has a patient"),
    (lambda row: row.update(source=None), "does not say its source"),
    (lambda row: row.update(image_id="other"), "id is not that of its generator and seed"),
    (lambda row: row.update(image=None), "has no image"),
    (lambda row: row["image"].update(bytes=b"no image"), "does not decode"),
    (grey16, "not 8-bit grey"),
    (smaller, "16 x 16 px, not 32 px square"),
)


def test_every_wrong_value_in_a_synthetic_row_is_named(copy: Path) -> None:
    def change(rows: Rows) -> None:
        for row, (spoil, _) in zip(rows, SYNTHETIC_CHANGES, strict=False):
            spoil(row)

    rewrite(first(copy, "train/cancer-synthetic"), change)
    problems = verify_release(reseal(copy))
    for number, (_, words) in enumerate(SYNTHETIC_CHANGES):
        found = [p for p in problems if f", row {number} (" in p]
        assert any(words in problem for problem in found), (words, found)
    assert not any(f", row {len(SYNTHETIC_CHANGES)} (" in problem for problem in problems)


def test_a_wrong_value_in_a_real_row_is_named(copy: Path) -> None:
    def change(rows: Rows) -> None:
        rows[0].update(patient_id=None, view="XX", seed=4)

    rewrite(first(copy, "train/normal-real"), change)
    text = "\n".join(verify_release(reseal(copy)))
    for words in ("has no patient", "view or side is 'XX'", "a real film has a seed"):
        assert words in text
    assert "its view is XX, the release refers to MLO" in text


def test_a_film_that_was_exchanged_is_not_the_one_referred_to(copy: Path) -> None:
    def change(rows: Rows) -> None:
        rows[0]["image"]["bytes"] = encode_png(decode_png(rows[0]["image"]["bytes"]) ^ 1)

    rewrite(first(copy, "real_test/normal-real"), change)
    (problem,) = verify_release(reseal(copy))
    assert "its pixels are not those of the film that the release refers to" in problem


def test_lines_that_must_not_be_crossed(copy: Path) -> None:
    held_out = pq.read_table(first(copy, "real_test/cancer-real")).to_pylist()[0]
    train = pq.read_table(first(copy, "train/cancer-synthetic")).to_pylist()[0]
    again = encode_png(decode_png(train["image"]["bytes"]))
    with Image.open(io.BytesIO(again)) as image:
        buffer = io.BytesIO()
        image.save(buffer, format="PNG", compress_level=9)  # other bytes, the same picture

    def copy_of_film(rows: Rows) -> None:
        rows[0]["image"]["bytes"] = held_out["image"]["bytes"]

    def other_side(rows: Rows) -> None:
        rows[0]["image"]["bytes"] = buffer.getvalue()
        rows[1]["image_id"] = train["image_id"]

    def patient(rows: Rows) -> None:
        rows[0]["patient_id"] = held_out["patient_id"]

    rewrite(first(copy, "train/normal-synthetic"), copy_of_film)
    rewrite(first(copy, "test/cancer-synthetic"), other_side)
    rewrite(first(copy, "train/cancer-real"), patient)
    text = "\n".join(verify_release(reseal(copy)))
    first_shard = first(copy, "train/cancer-synthetic").relative_to(copy).as_posix()
    assert f"the same picture stands in train ({first_shard}, row 0)" in text
    assert f"the same id stands in {first_shard}, row 0" in text
    assert f"patient {held_out['patient_id']} stands in train too" in text
    assert text.count("the same picture stands in train") == 2


def test_a_copy_of_a_film_in_its_own_split(copy: Path) -> None:
    film = pq.read_table(first(copy, "train/cancer-real")).to_pylist()[0]

    def change(rows: Rows) -> None:
        rows[0]["image"]["bytes"] = film["image"]["bytes"]

    rewrite(first(copy, "train/cancer-synthetic"), change)
    (problem,) = verify_release(reseal(copy))
    assert "a synthetic image is a copy of a real film" in problem


def drop_a_shard(facts: dict[str, Any]) -> None:
    facts["configurations"]["50-50-90syn"]["splits"]["train"]["shards"].pop(1)


def cross_a_shard(facts: dict[str, Any]) -> None:
    splits = facts["configurations"]["50-50-90syn"]["splits"]
    splits["train"]["shards"].append(splits["test"]["shards"][0])


FACTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a shard less": (drop_a_shard, "50-50-90syn: .* leaves a gap in its cell's prefix"),
    "a test shard in train": (cross_a_shard, "is of test, and listed in train"),
    "digest": (
        lambda f: f["configurations"]["30-70-90syn"].update(digest="0" * 64),
        "30-70-90syn: its digest is not that of its shards",
    ),
    "rows": (
        lambda f: f["configurations"]["30-70-90syn"]["splits"]["test"].update(rows=9),
        "test has 36 rows, not 9",
    ),
    "a configuration less": (
        lambda f: f["configurations"].pop("70-30-95syn"),
        "Configuration 70-30-95syn is missing",
    ),
    "shard digest": (lambda f: f["shards"][2].update(sha256="0" * 64), "says two things"),
    "start": (lambda f: f["shards"][1].update(start=1), "begins at image 1 of its cell"),
    "unknown shard": (lambda f: f["shards"].pop(), "is not among the shards|says two things"),
    "held out": (lambda f: f["films"]["real_test"].update(cancer=99), "99 were held out"),
    "form": (lambda f: f.update(real="packed"), "terms do not allow"),
    "no references": (lambda f: f.update(references=[]), "neither a shard nor a table"),
}


@pytest.mark.parametrize("name", FACTS)
def test_a_manifest_that_contradicts_itself(name: str, copy: Path) -> None:
    change, words = FACTS[name]
    problems = verify_release(reseal(copy, change))
    assert any(re.search(words, problem) for problem in problems), problems


def test_a_manifest_that_lacks_facts_is_bad_input(copy: Path) -> None:
    release = reseal(copy, lambda facts: facts.pop("films"))
    with pytest.raises(BadInput, match="not one of a whole release"):
        verify_release(release)


def test_every_document_is_compared(copy: Path) -> None:
    for name in ("CHANGELOG.md", "cards/50-50-90syn.md", "croissant.json"):
        path = copy / name
        text = path.read_text()
        path.write_text(text + " ")
        old = read_manifest(copy)
        write_manifest(copy, "release", settings=old.settings, inputs=old.inputs, facts=old.facts)
        assert verify_release(Release.open(copy)) == [
            f"{name} is not the file that the manifest gives."
        ]
        path.write_text(text)


def test_references_of_films_that_are_not_there(referenced: Release, tmp_path: Path) -> None:
    folder = tmp_path / "mammo-synth"
    shutil.copytree(referenced.folder, folder)
    table = folder / "references" / "train-cancer-real.parquet"
    other = pq.read_table(folder / "references" / "real_test-cancer-real.parquet").to_pylist()
    whole = pq.read_table(table)

    def changed(**values: Any) -> str:
        rows = whole.to_pylist()
        rows[0].update(values)
        pq.write_table(pa.Table.from_pylist(rows, schema=whole.schema), table)
        return "\n".join(verify_release(reseal(folder)))

    assert "patient" in changed(patient_id=other[0]["patient_id"])
    assert "the same picture stands in train" in changed(pixel_sha256=other[0]["pixel_sha256"])
    assert "its label is not its cell's" in changed(label=0)
    assert "a digest is missing" in changed(film_sha256=None)
    pq.write_table(whole.drop_columns(["geometry"]), table)
    assert "other columns than a table of references" in "\n".join(verify_release(reseal(folder)))
    pq.write_table(whole.slice(1), table)
    assert "its cell has" in "\n".join(verify_release(reseal(folder)))


def test_images_are_checked_to_their_last_byte() -> None:
    data = encode_png(np.arange(1024, dtype=np.uint8).reshape(32, 32))
    assert check_image(data, 32).problem is None
    for at in range(0, len(data), 7):
        broken = bytearray(data)
        broken[at] ^= 16
        assert check_image(bytes(broken), 32).problem is not None, at
    for cut in range(0, len(data), 11):
        assert check_image(data[:cut], 32).problem is not None
    assert "bytes follow its end" in str(check_image(data + b"x", 32).problem)


class Counted(Silent):
    """Keeps what was reported."""

    def __init__(self) -> None:
        self.total: dict[str, list[int]] = {}

    def start(self, what: str, total: int) -> None:
        self._what = what
        self.total[what] = [total, 0]

    def advance(self, n: int = 1, note: str = "") -> None:
        self.total[self._what][1] += n


def test_progress_counts_every_image(small_release: Release) -> None:
    seen = Counted()
    verify_release(small_release, progress=seen)
    stored = sum(shard["rows"] for shard in small_release.manifest.facts["shards"])
    assert seen.total["stored images"] == [stored, stored]
    assert seen.total["MB to check"][0] == seen.total["MB to check"][1]


# Making images again


@dataclass(frozen=True)
class Shifted(FakeGenerator):
    """The same images, but for one pixel of every second one."""

    by: int = 0

    def images(
        self, seeds: Sequence[int], truncation: float
    ) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        for seed, pixels in super().images(seeds, truncation):
            changed = pixels.copy()
            if seed % 2:
                changed[0, 0] = min(int(changed[0, 0]) + self.by, 255)
            yield seed, changed


def shifted(release: Release, by: int) -> dict[int, Shifted]:
    return {label: Shifted(LABELS[label], "", release.folder, by=by) for label in (CANCER, NORMAL)}


def test_images_made_again_are_compared_pixel_by_pixel(small_release: Release) -> None:
    same = regenerate(small_release, shifted(small_release, 0), 20, 5)
    assert (same.images, same.equal, same.largest, same.differing) == (20, 20, 0, 0.0)
    assert same.sound and same == regenerate(small_release, shifted(small_release, 0), 20, 5)
    near = regenerate(small_release, shifted(small_release, 1), 20, 5)
    odd = 20 - near.equal
    assert 0 < odd < 20 and near.largest == 1 and near.sound
    assert near.differing == pytest.approx(odd / (20 * 32 * 32))
    far = regenerate(small_release, shifted(small_release, 2), 20, 5)
    assert far.largest == 2 and not far.sound and "differs by 2 grey levels" in far.beyond[0]
    assert regenerate(small_release, shifted(small_release, 0), 10**6, 5).images == 154
    with pytest.raises(BadInput, match="1 or more"):
        regenerate(small_release, shifted(small_release, 0), 0, 5)


def test_rows_are_drawn_evenly_over_all_shards() -> None:
    entries = [{"path": "a", "rows": 1}, {"path": "b", "rows": 5}, {"path": "c", "rows": 4}]
    hits: dict[tuple[str, int], int] = {}
    for seed in range(2000):
        for path, rows in _draw(entries, 2, seed).items():
            for row in rows:
                hits[path, row] = hits.get((path, row), 0) + 1
    wanted = {(e["path"], row) for e in entries for row in range(e["rows"])}
    assert hits.keys() == wanted and all(330 < n < 470 for n in hits.values())
    assert _draw(entries, 99, 0) == {"a": [0], "b": [0, 1, 2, 3, 4], "c": [0, 1, 2, 3]}


@pytest.fixture(scope="module")
def generated(prepared_set: PreparedSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two tiny generators and a release of their images; do not write to it."""
    folder = tmp_path_factory.mktemp("generated")
    header = {"patients": "[]", "prepared_manifest": prepared_set.manifest.sha256}
    generators = {}
    for label in (CANCER, NORMAL):
        path = folder / f"{LABELS[label]}.safetensors"
        generator_file(path, NETWORK, label=LABELS[label], **header)
        generators[label] = GeneratorFile.open(path, "cpu")
    build_release(prepared_set, generators, folder / "mammo-synth", ReleaseSettings(20))
    return folder


def test_a_real_generator_gives_the_same_bits(generated: Path) -> None:
    release = Release.open(generated / "mammo-synth")
    for batch in (1, 16):  # neither this nor the company of other seeds changes a bit
        generators = open_generators(release, {}, device="cpu", batch=batch)
        made = regenerate(release, generators, 12, batch)
        assert (made.equal, made.largest) == (12, 0)


def test_generators_are_known_by_their_digest(generated: Path, tmp_path: Path) -> None:
    moved = tmp_path / "mammo-synth"
    shutil.copytree(generated / "mammo-synth", moved)
    release = Release.open(moved)
    cancer, normal = (generated / f"{label}.safetensors" for label in ("cancer", "normal"))
    found = open_generators(release, {CANCER: cancer, NORMAL: normal}, device="cpu")
    assert found[CANCER].path == cancer and found[NORMAL].path == normal
    with pytest.raises(BadInput, match=r"normal images is not at hand.*--normal FILE"):
        open_generators(release, {CANCER: cancer}, device="cpu")
    with pytest.raises(BadInput, match="not the generator that made the cancer images"):
        open_generators(release, {CANCER: normal, NORMAL: normal}, device="cpu")


def test_the_command_makes_images_again(generated: Path, tmp_path: Path, run: Command) -> None:
    release = generated / "mammo-synth"
    done = run("release", "verify", release, "--regenerate", "3", "--seed", "8", "--json")
    report = json.loads(done.stdout)
    assert done.code == 0 and report["problems"] == [], done.stderr
    assert report["regenerated"]["equal"] == 3 and report["regenerated"]["seed"] == 8
    damaged = tmp_path / "mammo-synth"
    shutil.copytree(release, damaged)
    flip(first(damaged, "train/cancer-synthetic"), 2000)
    refused = run("release", "verify", damaged, "--regenerate", "1")
    assert refused.code == 1 and "sha256 differs" in refused.stdout
    assert "first the release must be sound" in refused.stderr

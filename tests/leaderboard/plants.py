"""A sound submission, and ways to plant something bad in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from mammo_synth.bench.predictions import read_predictions, write_predictions
from mammo_synth.bench.record import digest_of
from mammo_synth.bench.results import posted_folder
from mammo_synth.files import sha256_bytes, sha256_file, sha256_json
from mammo_synth.leaderboard.check_releases import (
    KnownRelease,
)
from mammo_synth.leaderboard.submission import Submission, document, make_submission
from mammo_synth.leaderboard.submit_files import chosen, gather
from tests.leaderboard.board_factory import Cell, World, write_cell

NOW = "2026-03-01T12:00:00Z"
WORLD = World(patients=12, test_size=20, epochs=2)
CONFIGURATION = "50-50-90syn"
REVISION = "5" * 40
SUBMISSION = make_submission("A Lab", "https://example.org/code", "none", "none")
OTHER = make_submission("Another Lab", "https://example.org/code", "none", "none")
Plant = Callable[[Path], object]
PAGE = "<script>alert(1)</script>"


def known(world: World = WORLD) -> KnownRelease:
    """`WORLD` as its publisher would list it."""
    return KnownRelease(
        name=world.name,
        version=world.version,
        sha256=world.sha256,
        source=world.source,
        simulated=world.simulated,
        protocol=world.protocol,
        size=24000,
        image_size=512,
        released="2026-01-01",
        revisions=(REVISION,),
        real_test=world.real_test().digest,
        test={CONFIGURATION: world.own_test(CONFIGURATION).digest},
    )


def the_record(results: Path) -> Path:
    return next(results.glob("*/*/*/*/record.json"))


def predictions(results: Path, split: str = "real_test") -> Path:
    return the_record(results).with_name(f"predictions-{split}.parquet")


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a record as somebody would who knows the format: its digest is made anew."""
    value = json.loads(path.read_text())
    change(value)
    value["digest"] = digest_of(value)
    path.write_text(json.dumps(value))


def put(*place: str, value: Any) -> Plant:
    """Plants ``value`` at a place of the record."""

    def plant(results: Path) -> None:
        def change(record: dict[str, Any]) -> None:
            for name in place[:-1]:
                record = record[name]
            record[place[-1]] = value

        edit(the_record(results), change)

    return plant


def say(text: str) -> Plant:
    """Plants a record file of any text."""
    return lambda results: the_record(results).write_text(text)


def predict(
    change: Callable[[list[str], np.ndarray], tuple[list[str], np.ndarray]],
) -> Plant:
    """Plants other predictions, with their digest in the record."""

    def plant(results: Path) -> None:
        path = predictions(results)
        found = read_predictions(path)
        write_predictions(path, *change(list(found.image_id), found.p_cancer.copy()))
        put("evaluations", "real_test", "predictions", "sha256", value=sha256_file(path))(results)

    return plant


def submitted(**change: Any) -> Plant:
    """Plants a submission with other facts."""

    def plant(results: Path) -> None:
        path = the_record(results)
        facts = document(SUBMISSION, sha256_file(path)) | change
        path.with_name("submission.json").write_text(json.dumps(facts))

    return plant


def cell(made: Cell, world: World = WORLD) -> Plant:
    """Plants another whole record, sound in itself."""
    return lambda results: write_cell(results, world, made)


def rounded(decimals: int) -> Plant:
    """Plants the same scores, rounded, under a new name."""

    def plant(results: Path) -> None:
        p = read_predictions(predictions(results)).p_cancer.round(decimals)
        made = Cell(CONFIGURATION, "my-densenet", scores=lambda truth: p)
        write_cell(results, WORLD, made)

    return plant


def renamed(results: Path) -> None:
    old = the_record(results).parent
    new = old.parent.with_name("my-densenet") / old.name
    shutil.copytree(old, new)
    edit(new / "record.json", lambda r: r["classifier"].update(name="my-densenet"))


def same_replicate(results: Path) -> None:
    p = read_predictions(predictions(results)).p_cancer
    write_cell(results, WORLD, Cell(CONFIGURATION, replicate=1, scores=lambda truth: p))


def place(path: str, content: str = PAGE) -> Plant:
    """Plants a file anywhere, by its path in the folder of results."""

    def plant(results: Path) -> None:
        (results / path).parent.mkdir(parents=True, exist_ok=True)
        (results / path).write_text(content)

    return plant


def beside(name: str, content: str = PAGE) -> Plant:
    """Plants a file in the folder of the record."""
    return lambda results: the_record(results).with_name(name).write_text(content)


def posted_with(name: str, content: str = PAGE) -> Plant:
    """Plants a file in the folder of the record, which is a posted one."""

    def plant(results: Path) -> None:
        old = the_record(results).parent
        (old / name).write_text(content)
        old.rename(posted_folder(old, sha256_file(old / "record.json")))

    return plant


def posted_without_record(results: Path) -> None:
    """Plants the folder of a posted record in which predictions alone are left."""
    old = the_record(results).parent
    kept = old.with_name("replicate-1-01234567")
    kept.mkdir()
    shutil.copy(predictions(results), kept)


def post(results: Path, made: Cell, scratch: Path, who: Submission = SUBMISSION) -> None:
    """Adds a record as `leaderboard submit` does, in the layout of a repository of results."""
    write_cell(scratch, WORLD, made)
    for path, data in gather(scratch, chosen(scratch), who).files.items():
        (results / path).parent.mkdir(parents=True, exist_ok=True)
        (results / path).write_bytes(data)


def gap(results: Path) -> None:
    """Plants a posted replicate far above those of the row that it joins."""
    post(results, Cell(CONFIGURATION, replicate=40), results.parent / "scratch")


def under_the_name_of_another(results: Path) -> None:
    """Plants a further replicate of somebody else's brought predictions."""
    for replicate, who in enumerate((SUBMISSION, OTHER)):
        made = Cell(CONFIGURATION, "my-net", replicate, brought=True, weights="none")
        post(results, made, results.parent / f"scratch-{replicate}", who)


def films_of_no_record(results: Path) -> None:
    """Plants the text of a test set that is sound and serves nobody."""
    text = WORLD.own_test("30-70-100syn").text
    place(f"test-sets/{sha256_bytes(text.encode())}.json", text)(results)


def copied(results: Path) -> None:
    old = the_record(results).parent
    shutil.copytree(old, old.with_name("replicate-1"))


def posted_twice(results: Path) -> None:
    old = the_record(results).parent
    new = old.with_name("new")
    shutil.copytree(old, new)
    edit(new / "record.json", lambda r: r["environment"].update(device="cpu, 4 cores"))
    new.rename(posted_folder(old, sha256_file(new / "record.json")))


def trained_twice(results: Path) -> None:
    old = the_record(results).parent
    old.rename(posted_folder(old, sha256_file(old / "record.json")))
    write_cell(results, WORLD, Cell(CONFIGURATION, skill=0.4))


def posted_and_edited(results: Path) -> None:
    old = the_record(results).parent
    new = posted_folder(old, sha256_file(old / "record.json"))
    old.rename(new)
    edit(new / "record.json", lambda r: r["environment"].update(device="cpu, 4 cores"))


def linked(results: Path) -> None:
    path = predictions(results)
    outside = results.parent / "elsewhere.parquet"
    shutil.move(path, outside)
    path.symlink_to(outside)


def linked_folder(results: Path) -> None:
    outside = results.parent / "elsewhere"
    shutil.copytree(the_record(results).parent, outside / "replicate-0")
    (results / "more" / "50-50-90syn").mkdir(parents=True)
    (results / "more" / "50-50-90syn" / "vgg16").symlink_to(outside)


def stray(results: Path) -> None:
    (results / "elsewhere").mkdir()
    shutil.copy(the_record(results), results / "elsewhere" / "record.json")


def edited_by_hand(results: Path) -> None:
    path = the_record(results)
    path.write_text(path.read_text().replace("1234.5", "2.5"))


def of_kind(kind: str) -> dict[str, Any]:
    settings = {"classifier": kind, "batch": 64}
    return {"name": kind, "sha256": sha256_json(settings), "settings": settings}


def ranked_control(results: Path) -> None:
    write_cell(results, WORLD, Cell(CONFIGURATION, "background-only"))
    path = next(results.glob("*/*/background-only/*/record.json"))
    edit(path, lambda r: r.update(recipe=of_kind("background-only")))


def misnamed(results: Path) -> None:
    write_cell(results, WORLD, Cell(CONFIGURATION, "super-net"))
    path = next(results.glob("*/*/super-net/*/record.json"))
    edit(path, lambda r: r.update(recipe=of_kind("vgg16")))


def lone_submission(results: Path) -> None:
    (results / "elsewhere").mkdir()
    (results / "elsewhere" / "submission.json").write_text("{}")


def films(results: Path) -> Path:
    digest = WORLD.real_test().digest
    return results / "test-sets" / f"{digest}.parquet"


def easier_labels(results: Path) -> None:
    table = pa.parquet.read_table(films(results))
    labels = pa.array([1 - label for label in table["label"].to_pylist()], pa.int64())
    place = table.column_names.index("label")
    pa.parquet.write_table(table.set_column(place, "label", labels), films(results))


def no_ids(results: Path) -> None:
    table = pa.parquet.read_table(films(results))
    ids = pa.array([None, *table["image_id"].to_pylist()[1:]], pa.string())
    place = table.column_names.index("image_id")
    pa.parquet.write_table(table.set_column(place, "image_id", ids), films(results))


def bomb(results: Path) -> None:
    zeros = pa.table({"image_id": ["a"] * 3_000_000, "p_cancer": np.zeros(3_000_000)})
    pa.parquet.write_table(zeros, predictions(results), compression="zstd")


def key_twice(results: Path) -> None:
    text = the_record(results).read_text()
    the_record(results).write_text(text.replace("{", '{"replicate": 7, ', 1))


def better_and_new_digest(results: Path) -> None:
    put("evaluations", "real_test", "metrics", "auroc", "value", value=0.987654)(results)

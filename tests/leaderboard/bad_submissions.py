"""The table of bad submissions: what is planted, and the reason with which it is refused."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np

from mammo_synth.bench.predictions import write_predictions
from mammo_synth.bench.results import release_folder
from mammo_synth.files import sha256_file
from mammo_synth.leaderboard.check_releases import (
    RELEASES_NAME,
)
from tests.leaderboard.board_factory import HOSTILE, Cell, write_cell
from tests.leaderboard.plants import (
    CONFIGURATION,
    WORLD,
    Plant,
    beside,
    better_and_new_digest,
    bomb,
    cell,
    copied,
    easier_labels,
    edit,
    edited_by_hand,
    films,
    films_of_no_record,
    gap,
    key_twice,
    linked,
    linked_folder,
    lone_submission,
    misnamed,
    no_ids,
    place,
    posted_and_edited,
    posted_twice,
    posted_with,
    posted_without_record,
    predict,
    predictions,
    put,
    ranked_control,
    renamed,
    rounded,
    same_replicate,
    say,
    stray,
    submitted,
    the_record,
    trained_twice,
    under_the_name_of_another,
)


@dataclass(frozen=True)
class Bad:
    """A planted submission: what is planted, the code and words with which it is refused."""

    what: str
    plant: Plant
    code: str
    words: str


RELEASE = release_folder(WORLD.name, WORLD.version, WORLD.sha256)
CELL = f"{RELEASE}/{CONFIGURATION}/vgg16/replicate-1"
OWN_STATE = "training-state-own-0123456789abcdef"
NUMBERS = ("evaluations", "real_test")
BAD = (
    Bad("a better AUROC", better_and_new_digest, "numbers-differ", "auroc.value says 0.987654"),
    Bad(
        "a better interval",
        put(*NUMBERS, "metrics", "f1", "high", value=0.9999),
        "numbers-differ",
        "f1.high",
    ),
    Bad("more cancer found", put(*NUMBERS, "confusion", "tp", value=8), "numbers-differ", "tp"),
    Bad("more films than there are", put(*NUMBERS, "n", value=2000), "numbers-differ", ".n says"),
    Bad(
        "a smaller shortcut gap",
        put("shortcut_gap", "value", value=0.0),
        "numbers-differ",
        "shortcut_gap",
    ),
    Bad(
        "another operating point",
        put("operating_point", "threshold", value=0.31),
        "numbers-differ",
        "threshold",
    ),
    Bad(
        "a subgroup that does better",
        lambda r: edit(
            the_record(r),
            lambda v: v["evaluations"]["real_test"]["subgroups"][0]["metrics"]["auroc"].update(
                value=0.999
            ),
        ),
        "numbers-differ",
        "subgroups",
    ),
    Bad("an unknown release", cell(Cell(), replace(WORLD, name="mine")), "release-unknown", "mine"),
    Bad(
        "a phantom release called real",
        put("release", "simulated", value=False),
        "release-differs",
        "simulated says False and is True",
    ),
    Bad("a larger release", put("release", "size", value=99), "release-differs", "size says 99"),
    Bad(
        "an unknown revision", put("release", "revision", value="6" * 40), "revision-unknown", "66"
    ),
    Bad(
        "a branch for a revision",
        put("release", "revision", value="main"),
        "revision-unknown",
        "'main'",
    ),
    Bad(
        "an easier test set of fewer films",
        cell(Cell(CONFIGURATION, "other"), replace(WORLD, patients=8)),
        "test-set-unknown",
        "real_test.test_set",
    ),
    Bad(
        "a test split of one's own",
        cell(Cell(CONFIGURATION, "other"), replace(WORLD, test_size=24)),
        "test-set-unknown",
        "evaluations.test.test_set",
    ),
    Bad("no test set", lambda r: films(r).unlink(), "test-set-missing", "not in 'test-sets'"),
    Bad("labels turned round in the test set", easier_labels, "test-set-edited", "was changed"),
    Bad(
        "a test set that is text",
        lambda r: films(r).write_text("x"),
        "test-set-unreadable",
        "not a test set",
    ),
    Bad("a test set without ids", no_ids, "test-set-unreadable", "cannot be read"),
    Bad(
        "a hard film left out",
        predict(lambda i, p: (i[1:], p[1:])),
        "ids-missing",
        "1 films without",
    ),
    Bad(
        "a film of somebody else",
        predict(lambda i, p: ([*i, "foreign"], np.append(p, 0.5))),
        "ids-foreign",
        "'foreign'",
    ),
    Bad(
        "two scores for one film",
        predict(lambda i, p: ([*i, i[0]], np.append(p, 0.5))),
        "ids-doubled",
        "1 films with several",
    ),
    Bad("a score of 1.5", predict(lambda i, p: (i, p + 1.5)), "scores-invalid", "outside"),
    Bad("scores that are NaN", predict(lambda i, p: (i, p * np.nan)), "scores-invalid", "NaN"),
    Bad("no predictions", lambda r: predictions(r).unlink(), "predictions-missing", "are missing"),
    Bad(
        "other predictions",
        lambda r: write_predictions(
            predictions(r),
            WORLD.real_test().image_id,
            np.asarray(0.1 + 0.8 * WORLD.real_test().label),
        ),
        "predictions-edited",
        "sha256",
    ),
    Bad(
        "predictions that are a program",
        lambda r: (
            predictions(r).write_bytes(b"\x7fELF"),
            put(*NUMBERS, "predictions", "sha256", value=sha256_file(predictions(r)))(r),
        )[1],
        "predictions-unreadable",
        "cannot be read",
    ),
    Bad("predictions that unpack to 3 million rows", bomb, "too-large", "3000000 rows"),
    Bad("a record in the place of another replicate", copied, "misplaced", "belongs in"),
    Bad("a posted record that was edited", posted_and_edited, "misplaced", "belongs in"),
    Bad(
        "a training curve edited by hand",
        edited_by_hand,
        "record-edited",
        "changed after it was written",
    ),
    Bad(
        "other settings than were run",
        put("recipe", "settings", "batch", value=8),
        "recipe-digest",
        "recipe.sha256",
    ),
    Bad("a configuration called the baseline", put("baseline", value="TRTR"), "baseline", "TRTR"),
    Bad("a control that calls itself a classifier", ranked_control, "classifier-differs", "role"),
    Bad(
        "a recipe of another classifier", misnamed, "classifier-differs", "its recipe is for vgg16"
    ),
    Bad(
        "training images that do not add up",
        put("training", "train", "cancer", value=5),
        "counts-impossible",
        "by label",
    ),
    Bad("the same scores under a new name", renamed, "predictions-copied", "there under the name"),
    Bad("the same scores rounded under a new name", rounded(3), "predictions-copied", "3 decimals"),
    Bad("one training as two replicates", same_replicate, "predictions-copied", "another training"),
    Bad("a replicate far above the others", gap, "replicate-skipped", "replicate 1 of the same"),
    Bad("a replicate trained twice", trained_twice, "replicate-twice", "same replicate 0"),
    Bad("a record posted twice", posted_twice, "predictions-copied", "posted twice"),
    Bad(
        "a date that is none",
        put("created", value="2026-02-30T12:00:00Z"),
        "date-invalid",
        "2026-02-30",
    ),
    Bad("a date in words", put("created", value="yesterday"), "date-invalid", "yesterday"),
    Bad(
        "a date with a line after it",
        put("created", value="2026-01-31T12:00:00Z\n"),
        "date-invalid",
        "created",
    ),
    Bad(
        "a date in the future",
        put("created", value="2027-01-31T12:00:00Z"),
        "date-impossible",
        "future",
    ),
    Bad(
        "a date before there were records",
        put("created", value="1970-01-01T00:00:00Z"),
        "date-impossible",
        "no records before",
    ),
    Bad(
        "a record without a seed",
        lambda r: edit(the_record(r), lambda v: v.pop("seed")),
        "schema",
        "'seed'",
    ),
    Bad("a replicate that is text", put("replicate", value="0"), "schema", "at replicate"),
    Bad(
        "a positive class of one's own",
        put("positive_class", value="normal"),
        "schema",
        "positive_class",
    ),
    Bad("a field of one's own", put("stars", value=5), "schema", "stars"),
    Bad(
        "an AUROC of 2",
        put(*NUMBERS, "metrics", "auroc", "value", value=2),
        "schema",
        "auroc.value",
    ),
    Bad(
        "a threshold of 10^400",
        put("operating_point", "threshold", value=10**400),
        "schema",
        "number beyond",
    ),
    Bad("a record that is no JSON", say("{"), "not-json", "not JSON"),
    Bad("a record with NaN", say('{"a": NaN}'), "not-json", "NaN"),
    Bad("a record with a key twice", key_twice, "not-json", "twice"),
    Bad("a record of lists in lists", say("[" * 100_000), "not-json", "not JSON"),
    Bad("a record of 6 MB", say('"' + "a" * 6_000_000 + '"'), "too-large", "6000002 bytes"),
    Bad(
        "predictions two folders up",
        put(*NUMBERS, "predictions", "file", value="../../secret.parquet"),
        "path-outside",
        "outside the record's folder",
    ),
    Bad(
        "predictions by an absolute path",
        put(*NUMBERS, "predictions", "file", value="/etc/passwd"),
        "path-outside",
        "/etc/passwd",
    ),
    Bad("predictions that are a link", linked, "link", "outside the folder"),
    Bad("a folder of records that is a link", linked_folder, "link", "outside the folder"),
    Bad("a pipe", lambda r: os.mkfifo(r / "pipe"), "stray-file", "neither a file"),
    Bad("a page beside a record", beside("index.html"), "stray-file", "index.html"),
    Bad("a page called a state", beside("training-state-x.html"), "stray-file", "beside a record"),
    Bad("a page of a state", beside(f"{OWN_STATE}.html"), "stray-file", "beside a record"),
    Bad("a page in a state", place(f"{CELL}/{OWN_STATE}/a.html"), "stray-file", "a.html"),
    Bad("a hidden page beside a record", beside(".index.html"), "stray-file", ".index.html"),
    Bad("a state beside a posted record", posted_with(OWN_STATE), "stray-file", "beside a record"),
    Bad("a page at the top", place("index.html"), "stray-file", "lie only"),
    Bad("a page in a release's folder", place(f"{RELEASE}/evil.html"), "stray-file", "evil.html"),
    Bad(
        "a program in a configuration's folder",
        place(f"{RELEASE}/{CONFIGURATION}/a.exe", "MZ"),
        "stray-file",
        "a.exe",
    ),
    Bad("a page among test sets", place("test-sets/virus.html"), "stray-file", "lie only test"),
    Bad("a page below test sets", place("test-sets/a/b/replicate-0/a.html"), "stray-file", "lie"),
    Bad("a file in folders of its own", place("other/deep/file.bin"), "stray-file", "file.bin"),
    Bad("a folder called HTML", place("<b>x/a.txt"), "stray-file", "a.txt"),
    Bad("a workflow", place(".github/workflows/x.yml"), "stray-file", "x.yml"),
    Bad("a hidden page in a folder", place(f"{RELEASE}/.git/a.html"), "stray-file", "a.html"),
    Bad(
        "a test set of nobody that is text",
        place(f"test-sets/{'0' * 64}.parquet"),
        "test-set-unreadable",
        "not a test set",
    ),
    Bad(
        "any bytes called a test set",
        place(f"test-sets/{'0' * 64}.json"),
        "test-set-unknown",
        "no record names it",
    ),
    Bad("a test set of no record", films_of_no_record, "test-set-unknown", "no record names it"),
    Bad(
        "another text of a test set",
        place(f"test-sets/{WORLD.real_test().digest}.json"),
        "test-set-edited",
        "not its sha256",
    ),
    Bad("predictions without a record", posted_without_record, "no-record", "predictions-"),
    Bad("a record elsewhere", stray, "stray-record", "outside the layout"),
    Bad(
        "a submission without a record",
        lone_submission,
        "no-record",
        "submission.json",
    ),
    Bad(
        "HTML for a classifier",
        put("classifier", "name", value=HOSTILE),
        "markup",
        "classifier.name",
    ),
    Bad("HTML for a recipe", put("recipe", "name", value="<b>best</b>"), "markup", "recipe.name"),
    Bad(
        "HTML for a key",
        put("environment", "packages", "<i>", value="1"),
        "markup",
        "environment.packages",
    ),
    Bad(
        "text that runs backwards",
        put("environment", "device", value="cpu \u202egnitaehc"),
        "markup",
        "invisible",
    ),
    Bad(
        "a script for a link",
        put("environment", "backend", value="javascript:alert(1)"),
        "unsafe-link",
        "backend",
    ),
    Bad("HTML for a submitter", submitted(submitter="<img src=x>"), "markup", "submitter"),
    Bad(
        "a submitter's link that is a script",
        submitted(code="javascript:alert(1)"),
        "unsafe-link",
        "code",
    ),
    Bad(
        "a submitter's link that is no page",
        submitted(code="ftp://example.org"),
        "submission-invalid",
        "code",
    ),
    Bad(
        "a submission of another record",
        submitted(record="0" * 64),
        "submission-invalid",
        "another record",
    ),
    Bad(
        "an unknown configuration",
        lambda r: write_cell(r, WORLD, Cell("50-50-99syn", "other")),
        "configuration-unknown",
        "50-50-99syn",
    ),
    Bad(
        "brought predictions called vgg16",
        cell(Cell(CONFIGURATION, "VGG16", brought=True, weights="none")),
        "name-taken",
        "VGG16",
    ),
    Bad(
        "brought predictions under another's name",
        under_the_name_of_another,
        "name-taken",
        "posted by 'A Lab', and this one by 'Another Lab'",
    ),
    Bad(
        "a list of releases of one's own",
        lambda r: (r / RELEASES_NAME).write_text('{"releases": []}'),
        "releases-invalid",
        "no list of releases",
    ),
)
ALSO = {
    "an unknown configuration": {"test-set-unknown"},
    "a configuration called the baseline": {"numbers-differ"},  # it has no shortcut gap
    "a date with a line after it": {"markup"},
}
"""Codes that come with the planted one, since the same thing is wrong twice."""

"""A record run again: what is compared, whether it agrees, what is refused."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mammo_synth.bench.grid import Cell
from mammo_synth.bench.predictions import read_predictions, write_predictions
from mammo_synth.bench.recipes import load_recipe
from mammo_synth.bench.record import read_record, write_record
from mammo_synth.bench.reproduce import cell_of, reproduce
from mammo_synth.bench.reproduction import (
    FEWEST,
    MARGIN,
    METRICS,
    PREDICTIONS_NAME,
    REPRODUCTION_NAME,
    Difference,
    agreement,
    check_reproduction,
    read_reproduction,
    sentences,
    verdict_of,
)
from mammo_synth.bench.results import CACHE, RUNS, Stored, read_scored
from mammo_synth.bench.run import Bench
from mammo_synth.bench.score import Brought, score
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.leaderboard.check import check
from mammo_synth.leaderboard.check_releases import known_release, write_releases
from mammo_synth.leaderboard.load import load
from mammo_synth.leaderboard.model import Run
from mammo_synth.leaderboard.submission import document, make_submission
from mammo_synth.leaderboard.tiers import (
    TIER_NAMES,
    TIER_NAMES_ES,
    TIER_WORDS,
    TIER_WORDS_ES,
    Tier,
    lowest,
    tier_of,
)
from mammo_synth.release.folder import Release
from tests.conftest import Command, assert_friendly
from tests.leaderboard.board_factory import World, scores

CREATED = "2026-01-31T12:00:00Z"
AGAIN = "2026-02-01T12:00:00Z"
NOW = "2026-03-01T12:00:00Z"
SAME = {"recorded": 0.5, "again": 0.5}


@pytest.fixture(scope="module")
def measured(small_release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of one record; do not write to it."""
    results = tmp_path_factory.mktemp("measured") / "results"
    recipe = load_recipe("logistic-regression", {"validation_share": 0.3})
    Bench(small_release, results, now=lambda: CREATED).run(Cell("50-50-90syn", recipe, 1, 7))
    return results


@pytest.fixture(scope="module")
def reproduced(
    measured: Path, small_release: Release, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of the reproduction of `measured`; do not write to it."""
    out = tmp_path_factory.mktemp("reproduced")
    done = reproduce(the_record(measured), small_release, out, who="Ada", now=lambda: AGAIN)
    return done.folder


def the_record(results: Path) -> Path:
    return next(results.glob("*/*/*/*/record.json"))


@pytest.fixture
def held(measured: Path, reproduced: Path, tmp_path: Path) -> Path:
    """A results folder whose record has its reproduction beside it."""
    results = Path(shutil.copytree(measured, tmp_path / "results"))
    for name in (REPRODUCTION_NAME, PREDICTIONS_NAME):
        shutil.copy(reproduced / name, the_record(results).with_name(name))
    return results


def test_the_same_machine_gives_the_same_scores(measured: Path, reproduced: Path) -> None:
    found = read_reproduction(reproduced / REPRODUCTION_NAME)
    same = found["agreement"]
    assert same["verdict"] == "identical"
    assert same["scores"] == {"equal": 1.0, "close": 1.0, "called_alike": 1.0, "largest": 0.0}
    for one in same["differences"].values():
        assert (one["difference"], one["low"], one["high"]) == (0, 0, 0)
    record = the_record(measured)
    assert (found["who"], found["when"]) == ("Ada", AGAIN)
    assert found["record"]["sha256"] == sha256_file(record)
    assert (reproduced / "record.json").read_bytes() == record.read_bytes()
    said = read_record(record)["evaluations"]["real_test"]["metrics"]["auroc"]["value"]
    assert same["differences"]["auroc"]["recorded"] == said
    assert "gave the same scores" in sentences(found)[0]


def test_a_reproduced_record_has_its_tier(held: Path, measured: Path) -> None:
    folder = the_record(held).parent
    found = check(held, now=NOW)
    assert found.problems == ()
    assert set((found.tiers or {}).values()) == {Tier.REPRODUCED}
    assert tier_of(folder) == Tier.REPRODUCED
    assert tier_of(folder, recomputed=False) == Tier.SCHEMA
    assert tier_of(the_record(measured).parent) == Tier.RECOMPUTED
    (run,) = load(held, full=True)
    assert run.tier == Tier.REPRODUCED
    (run,) = load(measured, full=True)
    assert run.tier == Tier.RECOMPUTED


def test_a_link_to_a_reproduction_earns_nothing(held: Path, tmp_path: Path) -> None:
    """What lies elsewhere is not checked with the folder, so it may not speak for the record."""
    file = the_record(held).with_name(REPRODUCTION_NAME)
    elsewhere = tmp_path / "elsewhere.json"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    assert {problem.code for problem in check(held).problems} == {"link"}
    (run,) = load(held, full=True)
    assert (run.tier, run.reproduction) == (Tier.RECOMPUTED, None)


def test_a_row_has_the_tier_of_its_least_checked_record() -> None:
    assert lowest([Tier.REPRODUCED, Tier.SCHEMA, Tier.RECOMPUTED]) == Tier.SCHEMA
    assert lowest([Tier.REPRODUCED, Tier.RECOMPUTED]) == Tier.RECOMPUTED
    assert Run.tier == Tier.SCHEMA, "a run that nobody checked claims nothing"
    for words in (TIER_NAMES, TIER_NAMES_ES, TIER_WORDS, TIER_WORDS_ES):
        assert set(words) == set(Tier)
    for words in (TIER_WORDS, TIER_WORDS_ES):
        assert f" {MARGIN} " in words[Tier.REPRODUCED]


def _agrees(value: dict) -> None:
    value["agreement"]["differences"]["auroc"]["high"] = 0.01


def _of_another(value: dict) -> None:
    value["record"]["sha256"] = "0" * 64


def _unsigned(value: dict) -> None:
    value["who"] = ""


def _future(value: dict) -> None:
    value["when"] = "2027-01-01T00:00:00Z"


def _before(value: dict) -> None:
    value["when"] = "2026-01-01T00:00:00Z"


def _markup(value: dict) -> None:
    value["who"] = "<b>Ada</b>"


def _threshold(value: dict) -> None:
    value["thresholds"]["recorded"] += 0.1


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (_agrees, "reproduction-differs", "auroc.high"),
        (_of_another, "reproduction-invalid", "another record"),
        (_unsigned, "reproduction-invalid", "at who"),
        (_future, "reproduction-invalid", "future"),
        (_before, "reproduction-invalid", "its time"),
        (_markup, "markup", "who holds HTML"),
        (_threshold, "reproduction-invalid", "thresholds.recorded"),
    ],
)
def test_a_made_up_reproduction_is_refused(
    held: Path, change: object, code: str, words: str
) -> None:
    path = the_record(held).with_name(REPRODUCTION_NAME)
    value = json.loads(path.read_text())
    assert callable(change)
    change(value)
    path.write_text(json.dumps(value))
    found = check(held, now=NOW)
    (problem,) = found.problems
    assert problem.code == code
    assert words in problem.message
    assert set((found.tiers or {}).values()) == {Tier.SCHEMA}


def submitted_by(who: str, record: Path) -> None:
    """Put the submission of a record beside it."""
    facts = make_submission(who, "https://example.org", "none", "none")
    text = json.dumps(document(facts, sha256_file(record)))
    record.with_name("submission.json").write_text(text)


def refused(results: Path, words: str) -> None:
    """Neither a check nor a board takes the reproduction, for this reason."""
    (problem,) = check(results, now=NOW).problems
    assert problem.code == "reproduction-invalid"
    assert words in problem.message
    with pytest.raises(BadInput, match=words):
        load(results)


def test_a_reproduction_by_its_submitter_or_with_other_scores_is_refused(held: Path) -> None:
    path = the_record(held)
    submitted_by(" ada ", path)
    (problem,) = check(held, now=NOW).problems
    assert "by the submitter" in problem.message
    path.with_name("submission.json").unlink()
    kept = path.with_name(PREDICTIONS_NAME)
    found = read_predictions(kept)
    write_predictions(kept, found.image_id, 1 - found.p_cancer)
    refused(held, "was changed")


def test_a_reproduction_by_its_submitter_is_not_rendered(held: Path) -> None:
    path = the_record(held)
    for who in ("Someone else", " ADA "):
        submitted_by(who, path)
        if who == "Someone else":
            assert [run.tier for run in load(held, full=True)] == [Tier.REPRODUCED]
    with pytest.raises(BadInput, match="by the submitter"):
        load(held)


def test_the_folder_of_second_runs_is_no_folder_of_results(held: Path, measured: Path) -> None:
    """`bench reproduce --out` may be the folder of results itself."""
    for name in (RUNS, CACHE):
        shutil.copytree(measured, held / name)
    assert check(held, now=NOW).problems == ()
    assert len(load(held)) == 1


def test_verdicts() -> None:
    rng = np.random.RandomState(0)
    label = (np.arange(400) % 2).astype(np.int64)
    patients = np.arange(400) // 2
    p = np.clip(0.5 + 0.15 * (label - 0.5) + 0.2 * rng.normal(size=400), 0, 1)

    def verdict(again: np.ndarray, label: np.ndarray = label) -> str:
        return agreement(label, patients, p, again, SAME, resamples=1000)["verdict"]  # type: ignore[arg-type]

    assert verdict(p) == "identical"
    assert verdict(p + (5e-7 * (p < 0.5))) == "identical"
    assert verdict(np.clip(p + 0.01 * rng.normal(size=400), 0, 1)) == "agrees"
    assert verdict(1 - p) == "differs"
    assert verdict(1 - p, np.zeros_like(label)) == "undecided"
    # The same order of films, and other calls: balanced accuracy speaks too.
    assert verdict(np.clip(p + 0.3, 0, 1)) == "differs"
    # Near 0, yet within the margin: two cancers of 200 are found and were not.
    found = p.copy()
    found[[2 * i + 1 for i in np.flatnonzero(p[1::2] < 0.5)[:2]]] = 1.0
    same = agreement(label, patients, p, found, SAME, resamples=1000)  # type: ignore[arg-type]
    assert same["verdict"] == "agrees"
    one = same["differences"]["balanced_accuracy"]
    assert one["difference"] == pytest.approx(2 / 200 / 2)
    low, high = one["low"], one["high"]
    assert low is not None
    assert high is not None
    assert 0 <= low <= 2 / 200 / 2 <= high
    assert same["scores"]["called_alike"] == pytest.approx(398 / 400)


def test_no_difference_seen_on_few_films_is_no_agreement() -> None:
    """Scores that have nothing to do with one another, on 40 patients and on 150, where the
    intervals decide; such a rerun as another machine gives; and, on so few that nothing is said,
    scores that separate all films in their own ways."""

    def verdicts(patients: int, skill: float, other: float, *, same_run: bool) -> Counter[str]:
        truth = World(patients=patients).real_test()
        fewest = min(len(np.unique(truth.patients[truth.label == k])) for k in (0, 1))
        assert (fewest >= FEWEST) == (patients > 22)
        found: Counter[str] = Counter()
        for seed in range(10):
            p = scores(truth, skill, seed)
            moved = np.random.RandomState(seed).uniform(-0.06, 0.06, len(p))
            again = np.clip(p + moved, 0, 1) if same_run else scores(truth, other, seed + 100)
            same = agreement(truth.label, truth.patients, p, again, SAME, resamples=1000)  # type: ignore[arg-type]
            found[same["verdict"]] += 1
        return found

    assert verdicts(22, 30, 20, same_run=False) == {"undecided": 10}
    for patients in (40, 150):
        assert "agrees" not in verdicts(patients, 1.5, 1.5, same_run=False)
        assert "agrees" not in verdicts(patients, 1.5, 0.7, same_run=False)
    assert verdicts(40, 1.5, 1.5, same_run=True)["undecided"] >= 5
    assert verdicts(150, 1.5, 1.5, same_run=True)["agrees"] >= 8


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-MARGIN, MARGIN, "agrees"),
        (0.01, 0.04, "agrees"),  # a difference that is no chance, and small
        (-0.01, 0.06, "undecided"),
        (0.01, 0.06, "undecided"),
        (MARGIN + 1e-9, 0.2, "differs"),
        (-0.2, -MARGIN - 1e-9, "differs"),
        (None, None, "undecided"),
    ],
)
def test_the_rule_of_agreement(
    reproduced: Path, low: float | None, high: float | None, expected: str
) -> None:
    small: Difference = {
        "recorded": 0.8,
        "again": 0.8,
        "difference": 0.0,
        "low": -0.001,
        "high": 0.001,
    }
    for metric in METRICS:
        differences = dict.fromkeys(METRICS, small) | {metric: {**small, "low": low, "high": high}}
        for patients, verdict in ((FEWEST, expected), (FEWEST - 1, "undecided")):
            label = np.repeat([0, 1], [50, patients])
            found = verdict_of(label, np.arange(len(label)), 0.1, differences)  # type: ignore[arg-type]
            assert found == verdict, (metric, patients)
            said = read_reproduction(reproduced / REPRODUCTION_NAME)
            said["agreement"] |= {"verdict": found, "differences": differences}  # type: ignore[typeddict-item]
            words = sentences(said)[0]
            why = "no interval" if low is None else "neither within"
            few = "fewer than" if expected != "undecided" else why
            assert {"agrees": "agrees", "differs": "differs", "undecided": few}[found] in words


def test_what_cannot_be_run_again_says_so(
    measured: Path, small_release: Release, tmp_path: Path
) -> None:
    path = the_record(measured)
    record = read_record(path)
    recipe = record["recipe"]
    assert recipe is not None
    cell = cell_of(record)
    assert (cell.configuration, cell.replicate, cell.seed) == ("50-50-90syn", 1, 7)
    assert cell.recipe.sha256 == recipe["sha256"]

    edited = {**recipe["settings"], "validation_share": 0.2}
    with pytest.raises(BadInput, match="the record says"):
        cell_of({**record, "recipe": {**recipe, "settings": edited}})
    with pytest.raises(BadInput, match="none such"):
        cell_of({**record, "recipe": {**recipe, "settings": {"classifier": "quantum"}}})
    other = tmp_path / "results" / "a" / "b" / "c" / "replicate-1"
    other.mkdir(parents=True)
    foreign = {**record, "release": {**record["release"], "sha256": "0" * 64}}
    write_record(other / "record.json", foreign)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="was measured on"):
        reproduce(other, small_release, tmp_path / "out", who="Ada", now=lambda: AGAIN)
    assert not (tmp_path / "out").exists()


def test_code_that_a_record_names_is_not_run_unasked(measured: Path, tmp_path: Path) -> None:
    """A submission may bring a file and name it."""
    code = tmp_path / "mine.py"
    code.write_text("raise SystemExit('ran')\nclass Mine: ...\n")
    record = read_record(the_record(measured))
    recipe = load_recipe(f"{code}:Mine")
    held = {"name": "own", "sha256": recipe.sha256, "settings": recipe.plain}
    facts = {**record["classifier"], "name": "Mine"}
    stranger = {**record, "recipe": held, "classifier": facts}
    for source in ("mine.py:Mine", f"{code}:Mine"):
        held["settings"] = {**recipe.plain, "source": source}
        with pytest.raises(BadInput, match="own classifier") as caught:
            cell_of(stranger)  # type: ignore[arg-type]
        assert "Read the code first" in str(caught.value.hint)
    held["settings"] = recipe.plain
    assert cell_of(stranger, f"{code}:Mine").recipe.files == {"source": code}  # type: ignore[arg-type]
    code.write_text("class Mine: ...\n")
    with pytest.raises(BadInput, match="sha256"):
        cell_of(stranger, f"{code}:Mine")  # type: ignore[arg-type]


def test_brought_predictions_have_nothing_to_run(
    measured: Path, small_release: Release, tmp_path: Path
) -> None:
    file = the_record(measured).with_name("predictions-real_test.parquet")
    brought = Brought("50-50-90syn", "my-densenet")
    path, record = score(file, small_release, brought, tmp_path / "results", created=CREATED)
    with pytest.raises(BadInput, match="brought predictions"):
        cell_of(record)
    # And they are another record's, which the check finds.
    results = tmp_path / "results"
    assert path.is_relative_to(results)
    shutil.copytree(measured, results, dirs_exist_ok=True)
    found = check(results, now=NOW)
    assert {problem.code for problem in found.problems} == {"predictions-copied"}


def test_a_reproduction_of_brought_predictions_is_refused(
    measured: Path, reproduced: Path, small_release: Release, tmp_path: Path
) -> None:
    """Its submitter made it up: nobody can run the record again."""
    file = the_record(measured).with_name("predictions-real_test.parquet")
    brought, results = Brought("50-50-90syn", "my-densenet"), tmp_path / "results"
    path, record = score(file, small_release, brought, results, created=CREATED)
    shutil.copy(file, path.with_name(PREDICTIONS_NAME))
    value = json.loads((reproduced / REPRODUCTION_NAME).read_text())
    threshold = record["operating_point"]["threshold"]
    value["thresholds"] = {"recorded": threshold, "again": threshold}
    value["record"]["sha256"] = sha256_file(path)
    value["predictions"]["sha256"] = sha256_file(file)
    truth = read_scored(results, Stored(path, record), "real_test")
    p = truth.p_cancer
    again = agreement(truth.truth.label, truth.truth.patients, p, p, value["thresholds"])
    value["agreement"] = again
    path.with_name(REPRODUCTION_NAME).write_text(json.dumps(value))
    refused(results, "brought predictions, which nobody can run again")


def test_a_verdict_that_the_rule_does_not_give_is_refused(held: Path) -> None:
    """Such as one of an older version, which called agreement what was not told apart."""
    path = the_record(held)
    kept, said = path.with_name(PREDICTIONS_NAME), path.with_name(REPRODUCTION_NAME)
    found = read_predictions(kept)
    write_predictions(kept, found.image_id, 0.9 * found.p_cancer)
    value = json.loads(said.read_text())
    value["predictions"]["sha256"] = sha256_file(kept)
    scored = read_scored(held, Stored(path, read_record(path)), "real_test")
    again = 0.9 * scored.p_cancer
    truth = scored.truth
    value["agreement"] = agreement(
        truth.label, truth.patients, scored.p_cancer, again, value["thresholds"]
    )
    assert value["agreement"]["verdict"] == "undecided", "the release is small"
    said.write_text(json.dumps(value))
    checked = check(held, now=NOW)
    assert checked.problems == ()
    assert set((checked.tiers or {}).values()) == {Tier.RECOMPUTED}
    value["agreement"]["verdict"] = "agrees"
    said.write_text(json.dumps(value))
    (problem,) = check(held, now=NOW).problems
    assert problem.code == "reproduction-differs"
    assert "verdict" in problem.message


def test_a_release_folder_is_what_records_are_held_against(
    measured: Path, small_release: Release, tmp_path: Path
) -> None:
    found = check(measured, releases=[small_release.folder], now=NOW)
    assert (found.problems, found.notes) == ((), ())
    results = Path(shutil.copytree(measured, tmp_path / "results"))
    record = read_record(the_record(results))
    training = record["training"]
    assert training is not None
    training["train"]["cancer"] += 1
    training["train"]["real"] += 1
    write_record(the_record(results), record)
    (problem,) = check(results, releases=[small_release.folder], now=NOW).problems
    assert problem.code == "counts-impossible"
    # The list that is written from the folder says the same without it.
    known = known_release(small_release)
    write_releases(results / "releases.json", {known.sha256: known})
    assert check(results, now=NOW).sound, "a list does not know how many images there are"


def test_the_commands(run: Command, measured: Path, small_release: Release, tmp_path: Path) -> None:
    record, out = the_record(measured), tmp_path / "out"
    common = ("bench", "reproduce", record.parent, "--release", small_release.folder)
    dry = run(*common, "--out", out, "--dry-run", "--json")
    assert dry.code == 0, dry.stderr
    assert json.loads(dry.stdout)["seed"] == 7
    assert not out.exists()
    done = run(*common, "--out", out, "--by", "Ada", "--json")
    assert done.code == 0, done.stderr
    value = json.loads(done.stdout)
    check_reproduction(value["reproduction"], "it")
    assert value["reproduction"]["agreement"]["verdict"] == "identical"
    plain = run(*common, "--out", out, "--by", "Ada")  # it is there already
    assert "difference +0.0000 (95 % interval +0.0000 to +0.0000" in plain.stdout
    assert "Positive class: cancer" in plain.stdout
    helped = run("bench", "reproduce", "--help").stdout
    assert f"within {MARGIN} of 0" in " ".join(helped.replace("│", " ").split())
    missing = run("bench", "reproduce", record, "--release", tmp_path / "none")
    assert_friendly(missing, "There is no folder")
    results = Path(shutil.copytree(measured, tmp_path / "results"))
    release = ("--release", small_release.folder)
    saved = run("leaderboard", "check", results, *release, "--save-releases")
    assert saved.code == 0, saved.stderr
    checked = run("leaderboard", "check", results)
    assert checked.code == 0, checked.stdout
    assert "Note" not in checked.stdout
    assert_friendly(run("leaderboard", "check", results, "--save-releases"), "without a release")

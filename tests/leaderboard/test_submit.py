"""Submissions to a repository of results on the loopback Hub: by pull request, never twice, never
over what is there, and nothing but records, predictions and the truth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from huggingface_hub import CommitOperationAdd, snapshot_download
from typer.testing import CliRunner

from mammo_synth.bench.predictions import read_predictions
from mammo_synth.bench.results import Stored, differences, number_differences, read_records
from mammo_synth.bench.truth import make_test_set, read_test_set
from mammo_synth.cli.main import app as main_app
from mammo_synth.errors import BadInput, CheckFailed, MammoSynthError
from mammo_synth.files import sha256_file
from mammo_synth.leaderboard import check_evaluations
from mammo_synth.leaderboard.check import check
from mammo_synth.leaderboard.check_releases import KnownRelease, known_release, write_releases
from mammo_synth.leaderboard.load import load
from mammo_synth.leaderboard.submission import make_submission, submission_of
from mammo_synth.leaderboard.submit import (
    NEW,
    OPEN,
    PLANNED,
    PRESENT,
    PULL_REQUEST,
    THERE,
    SubmitSettings,
    Submitted,
    submit,
)
from mammo_synth.leaderboard.submit_files import Bundle, chosen, gather
from mammo_synth.leaderboard.verified import Verified
from mammo_synth.progress import Silent
from mammo_synth.release.folder import Release
from mammo_synth.release.hub import Repository
from mammo_synth.release.hub_errors import HubTrouble
from tests.hub.fixtures import LoopbackHub
from tests.leaderboard.board_factory import Cell, World, edit_record, write_cell
from tests.leaderboard.plants import edit, known
from tests.release.hub_release import here as here

pytestmark = pytest.mark.usefixtures("here")

NAME = "clinic/mammo-results"
KIND: dict[str, Any] = {"repo_id": NAME, "repo_type": "dataset"}
SMALL = World(patients=20, test_size=20, epochs=2)
FACTS = ("Lab of the Tests", "https://example.org/code", "none", "none")
OPTIONS = [
    *("--submitter", FACTS[0], "--code", FACTS[1]),
    *("--weights-link", FACTS[2], "--other-mammograms", FACTS[3]),
]
runner = CliRunner()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RESULTS folder of two records; do not write to it."""
    results = tmp_path_factory.mktemp("submit") / "results"
    write_cell(results, SMALL, Cell("50-50-90syn"))
    write_cell(results, SMALL, Cell("50-50-90syn", "my-densenet", brought=True))
    return results


@pytest.fixture
def results(made: Path, tmp_path: Path) -> Path:
    """A copy of `made`."""
    return Path(shutil.copytree(made, tmp_path / "results"))


@pytest.fixture
def there(hub: LoopbackHub) -> Repository:
    """The empty repository of results."""
    api = hub.api()
    api.create_repo(**KIND)
    hub.clear_log()
    return Repository(api, NAME)


class Heard(Silent):
    """What was started."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int]] = []

    def start(self, what: str, total: int) -> None:
        self.started.append((what, total))


def of_stranger(hub: LoopbackHub) -> Repository:
    """The repository as somebody sees it who may not write to it."""
    return Repository(hub.api(LoopbackHub.stranger_token), NAME)


def bundle_of(results: Path, *classifiers: str, who: str = FACTS[0]) -> Bundle:
    facts = make_submission(who, *FACTS[1:])
    return gather(results, chosen(results, classifiers), facts)


def post(repository: Repository, bundle: Bundle, **settings: Any) -> Submitted:
    return submit(bundle, repository, SubmitSettings(**settings), sleep=lambda _: None)


def list_releases(repository: Repository, known: KnownRelease, scratch: Path) -> None:
    """Have the repository know this release."""
    write_releases(scratch / "known.json", {known.sha256: known})
    listed = CommitOperationAdd("releases.json", (scratch / "known.json").read_bytes())
    repository.api.create_commit(**KIND, operations=[listed], commit_message="x")


def merge(repository: Repository, done: Submitted) -> None:
    assert done.revision is not None
    repository.api.merge_pull_request(
        repository.name, int(done.revision.rpartition("/")[2]), repo_type="dataset"
    )


def clone(repository: Repository, folder: Path, revision: str = "main") -> Path:
    """What a maintainer has after `git clone`."""
    path = snapshot_download(
        repository.name,
        repo_type="dataset",
        revision=revision,
        local_dir=folder,
        endpoint=repository.api.endpoint,
        token=repository.api.token,
    )
    return Path(path)


def changes(hub: LoopbackHub) -> list[str]:
    """Requests that may change something on the Hub."""
    reading = ("GET", "HEAD")
    return [line.path for line in hub.log() if line.method not in reading]


def pulls(hub: LoopbackHub) -> list[Any]:
    return list(hub.api().get_repo_discussions(**KIND, discussion_type="pull_request"))


# By pull request


def test_from_a_fresh_environment_by_pull_request(
    hub: LoopbackHub, there: Repository, results: Path, tmp_path: Path
) -> None:
    command = ["-m", "mammo_synth", "leaderboard", "submit", str(results), NAME, *OPTIONS, "--json"]
    done = hub.run(command, tmp_path / "home", token=LoopbackHub.stranger_token, cwd=tmp_path)
    told = json.loads(done.stdout)
    assert told["state"] == PULL_REQUEST and told["revision"] == "refs/pr/1"
    assert set(there.files("main")) == {".gitattributes"}, "main waits for the merge"
    (pull,) = pulls(hub)
    assert pull.title == told["title"] and told["digest"][:12] in pull.title
    assert "Add 2 records of my-densenet, vgg16" in pull.title and pull.author == "stranger"
    assert FACTS[0] in told["description"] and told["digest"] in told["description"]

    folder = clone(there, tmp_path / "clone", "refs/pr/1")
    assert check(folder).sound and check(folder).records == 2
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    names = {name for name in names if not name.startswith(".")}
    assert names == {file["path"] for file in told["files"]}
    kinds = {Path(name).name for name in names if not name.startswith("test-sets/")}
    predictions = {"predictions-real_test.parquet", "predictions-test.parquet"}
    assert kinds == {"record.json", "submission.json", *predictions}
    for path in folder.glob("*/*/*/*/record.json"):
        assert path.parent.name == f"replicate-0-{sha256_file(path)[:8]}"
        said = submission_of(path.parent)
        assert said == make_submission(*FACTS)
    everything = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    assert str(tmp_path).encode() not in everything
    assert LoopbackHub.stranger_token.encode() not in everything


def test_a_clone_renders_as_the_results_did(
    hub: LoopbackHub, there: Repository, results: Path, tmp_path: Path
) -> None:
    merge(there, post(there, bundle_of(results)))
    folder = clone(there, tmp_path / "clone")
    before, after = load(results), load(folder)
    assert [run.record for run in after] == [run.record for run in before]
    assert [run.sha256 for run in after] == [run.sha256 for run in before]


def test_a_dry_run_posts_nothing(hub: LoopbackHub, there: Repository, results: Path) -> None:
    visitor = Repository(hub.api(None), NAME)
    done = post(visitor, bundle_of(results), dry_run=True)
    assert done.state == PLANNED and {file.state for file in done.files} == {NEW}
    assert len(done.records(NEW)) == 2
    assert changes(hub) == [] and pulls(hub) == []


def test_the_command_shows_what_would_be_posted(
    hub: LoopbackHub, there: Repository, results: Path, tmp_path: Path
) -> None:
    command = ["-m", "mammo_synth", "leaderboard", "submit", str(results), NAME, *OPTIONS]
    done = hub.run([*command, "--dry-run"], tmp_path / "home")
    assert "submission.json" in done.stdout and FACTS[1] in done.stdout
    assert "would add 9 files" in done.stdout and "Nothing was done." in done.stdout
    assert changes(hub) == []


def test_predictions_of_a_classifier_trained_elsewhere(
    hub: LoopbackHub, there: Repository, small_release: Release, tmp_path: Path
) -> None:
    """A CSV file, `bench score`, `leaderboard submit`, the merge, and the check of the clone."""
    rows = list(small_release.records("50-50-90syn", "real_test"))
    lines = [f"{row['image_id']},{0.2 + 0.6 * row['label']}" for row in rows]
    csv = tmp_path / "mine.csv"
    csv.write_text("\n".join(["image_id,p_cancer", *lines]))
    results = tmp_path / "mine"
    done = runner.invoke(
        main_app,
        [
            *("bench", "score", str(csv), "--release", str(small_release.folder)),
            *("--config", "50-50-90syn", "--classifier-name", "my-net", "--out", str(results)),
        ],
    )
    assert done.exit_code == 0, done.output
    command = ["-m", "mammo_synth", "leaderboard", "submit", str(results), NAME, *OPTIONS, "--json"]
    told = json.loads(hub.run(command, tmp_path / "home").stdout)
    there.api.merge_pull_request(NAME, int(told["revision"][-1]), repo_type="dataset")
    folder = clone(there, tmp_path / "clone")
    assert check(folder).sound
    (stored,) = read_records(folder)
    assert stored.record["classifier"]["name"] == "my-net" and stored.record["recipe"] is None
    assert stored.record["evaluations"]["real_test"]["metrics"]["auroc"]["value"] == 1.0


# Twice, and beside others


def test_a_second_submission_does_not_conflict(
    hub: LoopbackHub, there: Repository, results: Path, tmp_path: Path
) -> None:
    """Two people submit at the same time; both test sets are the same."""
    first = post(there, bundle_of(results, "vgg16"))
    second = post(of_stranger(hub), bundle_of(results, "my-densenet", who="Somebody else"))
    assert second.revision == "refs/pr/2"
    merge(there, first)
    merge(there, second)
    folder = clone(there, tmp_path / "clone")
    assert check(folder).sound and check(folder).records == 2


def test_one_cell_posted_by_two_at_the_same_time_does_not_conflict(
    there: Repository, results: Path, tmp_path: Path
) -> None:
    first = post(there, bundle_of(results, "vgg16"))
    write_cell(tmp_path / "other", SMALL, Cell("50-50-90syn", skill=2.0, settings={"batch": 32}))
    second = post(there, bundle_of(tmp_path / "other"))
    merge(there, first)
    merge(there, second)
    assert len(load(clone(there, tmp_path / "clone"))) == 2


def test_what_is_posted_is_skipped(hub: LoopbackHub, there: Repository, results: Path) -> None:
    merge(there, post(there, bundle_of(results, "vgg16")))
    done = post(there, bundle_of(results))
    assert done.state == PULL_REQUEST
    assert [folder.split("/")[2] for folder in done.records(THERE)] == ["vgg16"]
    assert [folder.split("/")[2] for folder in done.records(NEW)] == ["my-densenet"]
    merge(there, done)
    hub.clear_log()
    again = post(there, bundle_of(results))
    assert again.state == PRESENT and again.records(NEW) == [] and changes(hub) == []


def test_a_clone_with_new_records_posts_only_those(
    there: Repository, results: Path, tmp_path: Path
) -> None:
    """What others said of theirs stays as they said it."""
    merge(there, post(there, bundle_of(results, who="Somebody else")))
    folder = clone(there, tmp_path / "clone")
    write_cell(folder, SMALL, Cell("50-50-95syn"))
    done = post(there, bundle_of(folder))
    assert [name.split("/")[1] for name in done.records(NEW)] == ["50-50-95syn"]
    merge(there, done)
    said = {
        run.path.split("/")[1]: submission_of((folder / run.path).parent)
        for run in load(clone(there, tmp_path / "again"))
    }
    assert said.keys() == {"50-50-90syn", "50-50-95syn"}


def test_running_again_opens_no_second_pull_request(
    hub: LoopbackHub, there: Repository, results: Path
) -> None:
    first = post(there, bundle_of(results))
    hub.clear_log()
    again = post(there, bundle_of(results))
    assert again.state == OPEN and again.pull_request == first.pull_request
    assert again.revision == first.revision and changes(hub) == [] and len(pulls(hub)) == 1
    assert post(there, bundle_of(results), dry_run=True).state == OPEN


def test_a_lost_answer_opens_no_second_pull_request(
    hub: LoopbackHub, there: Repository, results: Path
) -> None:
    hub.fault("mute", method="POST", route="/commit/main")
    assert post(there, bundle_of(results)).state in (OPEN, PULL_REQUEST)
    assert len(pulls(hub)) == 1


def test_a_title_alone_does_not_count(hub: LoopbackHub, there: Repository, results: Path) -> None:
    """Somebody opens a pull request of the same title with other files."""
    bundle = bundle_of(results)
    of_stranger(hub).api.create_commit(
        **KIND,
        operations=[CommitOperationAdd("README.md", b"hello")],
        commit_message=f"Add records ({bundle.digest[:12]})",
        create_pr=True,
    )
    assert post(there, bundle).revision == "refs/pr/2"


# Refused


def reason(call: Callable[[], Any], kind: type[MammoSynthError] = BadInput) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def test_a_changed_file_is_refused(hub: LoopbackHub, there: Repository, results: Path) -> None:
    merge(there, post(there, bundle_of(results)))
    hub.clear_log()
    other = bundle_of(results, who="Somebody else")
    said = reason(lambda: post(there, other))
    assert "submission.json" in said and "other content" in said
    assert "never overwritten" in said and changes(hub) == []


def test_a_damaged_test_set_there_is_refused(there: Repository, results: Path) -> None:
    bundle = bundle_of(results)
    path = next(path for path in bundle.files if path.startswith("test-sets/"))
    there.api.create_commit(
        **KIND, operations=[CommitOperationAdd(path, b"[]")], commit_message="x"
    )
    assert path in reason(lambda: post(there, bundle))


def test_a_changed_record_of_the_same_replicate_is_refused(
    there: Repository, results: Path, tmp_path: Path
) -> None:
    merge(there, post(there, bundle_of(results)))
    write_cell(tmp_path / "other", SMALL, Cell("50-50-90syn", skill=2.0))
    said = reason(lambda: post(there, bundle_of(tmp_path / "other")))
    assert "Replicate 0 of 50-50-90syn × vgg16 is posted already" in said
    write_cell(tmp_path / "third", SMALL, Cell("50-50-90syn", skill=2.0, replicate=1))
    assert post(there, bundle_of(tmp_path / "third")).state == PULL_REQUEST


def test_a_name_that_another_took_is_refused(
    there: Repository, results: Path, tmp_path: Path
) -> None:
    merge(there, post(there, bundle_of(results)))
    cell = Cell("50-50-90syn", "my-densenet", brought=True, replicate=1, skill=2.0)
    write_cell(tmp_path / "other", SMALL, cell)
    said = reason(lambda: post(there, bundle_of(tmp_path / "other", who="Somebody else")))
    assert "'my-densenet' was posted by 'Lab of the Tests'" in said
    assert post(there, bundle_of(tmp_path / "other")).state == PULL_REQUEST


def test_a_replicate_with_a_gap_below_it_is_refused(
    hub: LoopbackHub, there: Repository, results: Path, tmp_path: Path
) -> None:
    """The gap may be filled by what is posted, and by nothing of another recipe."""
    write_cell(tmp_path / "first", SMALL, Cell(replicate=1, skill=2.0))
    first = bundle_of(tmp_path / "first")
    said = reason(lambda: post(there, first))
    assert "replicate 0 of the same configuration and recipe is missing" in said
    nowhere = Repository(hub.api(), "clinic/nowhere")
    assert "is missing" in reason(lambda: post(nowhere, first, create=True, dry_run=True))
    assert changes(hub) == []
    merge(there, post(there, bundle_of(results)))
    assert post(there, first).state == PULL_REQUEST
    write_cell(tmp_path / "second", SMALL, Cell(replicate=1, settings={"batch": 32}))
    write_cell(tmp_path / "second", SMALL, Cell("50-50-95syn", replicate=2))
    said = reason(lambda: post(there, bundle_of(tmp_path / "second")))
    assert "replicate 0 of" in said and "And 1 more" in said


def test_what_does_not_pass_the_check_is_not_posted(
    hub: LoopbackHub, there: Repository, results: Path
) -> None:
    def better(value: dict[str, Any]) -> None:
        value["evaluations"]["real_test"]["metrics"]["auroc"]["value"] = 0.999

    edit_record(next(results.glob("*/*/vgg16/*/record.json")), better)
    said = reason(lambda: post(there, bundle_of(results)), CheckFailed)
    assert "auroc" in said and "0.999" in said and "/tmp" not in said
    assert changes(hub) == [] and pulls(hub) == []
    assert post(there, bundle_of(results, "my-densenet")).state == PULL_REQUEST


def test_a_copy_of_a_posted_record_is_not_posted(
    hub: LoopbackHub, there: Repository, results: Path, tmp_path: Path
) -> None:
    """Under a new name and with an earlier date, as it is and rounded, by one who may not write."""
    merge(there, post(there, bundle_of(results, "vgg16")))
    p = read_predictions(next(results.glob("*/*/vgg16/*/predictions-real_test.parquet"))).p_cancer
    hub.clear_log()
    for decimals in (17, 3):
        made = Cell(brought=True, classifier="mine", scores=lambda t, k=decimals: p.round(k))
        path = write_cell(tmp_path / f"rounded-{decimals}", SMALL, made)
        edit(path, lambda value: value.update(created="2026-01-01T00:00:00Z"))
        copy = bundle_of(tmp_path / f"rounded-{decimals}", who="Somebody else")
        for dry_run in (True, False):
            settings, heard = SubmitSettings(dry_run=dry_run), Heard()
            with pytest.raises(CheckFailed) as caught:
                submit(copy, of_stranger(hub), settings, progress=heard)
            told = str(caught.value)
            assert "its predictions of real_test are to 3 decimals those of" in told
            assert "/vgg16/replicate-0-" in told and "under the name vgg16" in told
            assert ("posted records, for copies", 1) in heard.started
    assert changes(hub) == [] and len(pulls(hub)) == 1
    write_cell(tmp_path / "c", SMALL, Cell(brought=True, classifier="mine", skill=2.0))
    assert post(there, bundle_of(tmp_path / "c")).state == PULL_REQUEST


def test_only_records_of_the_same_configuration_are_read_for_copies(
    hub: LoopbackHub, there: Repository, results: Path, tmp_path: Path
) -> None:
    """And those whose file of predictions is the very same; the rest is left to the repository's
    own check, which has every record."""
    write_cell(results, SMALL, Cell("30-70-95syn", skill=2.0))
    write_cell(results, SMALL, Cell("70-30-95syn", skill=1.5))
    merge(there, post(there, bundle_of(results)))
    p = read_predictions(
        next(results.glob("*/30-70-95syn/vgg16/*/predictions-real_test.parquet"))
    ).p_cancer
    write_cell(tmp_path / "a", SMALL, Cell(brought=True, classifier="mine", scores=lambda t: p))
    hub.clear_log()
    told = reason(lambda: post(there, bundle_of(tmp_path / "a")), CheckFailed)
    assert "/30-70-95syn/vgg16/" in told
    read = {line.path for line in hub.log() if "/resolve/" in line.path}
    assert not [path for path in read if "70-30-95syn" in path]
    made = Cell(brought=True, classifier="mine", scores=lambda t: p.round(4))
    write_cell(tmp_path / "b", SMALL, made)
    done = post(there, bundle_of(tmp_path / "b"))
    assert done.state == PULL_REQUEST and done.revision is not None
    merge(there, done)
    (problem,) = check(clone(there, tmp_path / "clone")).problems
    assert problem.code == "predictions-copied"


def test_a_record_of_the_future_is_not_posted(there: Repository, results: Path) -> None:
    submission = bundle_of(results)
    said = reason(
        lambda: submit(submission, there, now="2020-01-01T00:00:00Z", sleep=lambda _: None),
        CheckFailed,
    )
    assert "2026-01-01" in said


def test_a_release_that_the_repository_does_not_know_is_not_posted(
    hub: LoopbackHub, there: Repository, small_release: Release, results: Path, tmp_path: Path
) -> None:
    """Its `releases.json` lists another one."""
    list_releases(there, replace(known_release(small_release), released=None), tmp_path)
    hub.clear_log()
    said = reason(lambda: post(there, bundle_of(results)), CheckFailed)
    assert SMALL.sha256[:12] in said and changes(hub) == []


def test_numbers_are_recomputed_once(
    there: Repository, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The submission is checked again with the releases that the repository knows."""
    bundle = bundle_of(results)
    tests = {
        one.record["configuration"]: one.record["evaluations"]["test"]["test_set"]
        for one in bundle.records
        if "test" in one.record["evaluations"]
    }
    list_releases(there, replace(known(SMALL), test=tests), tmp_path)
    resampled: list[Path] = []

    def counted(folder: Path, stored: Stored) -> list[str]:
        resampled.append(stored.path)
        return number_differences(folder, stored)

    monkeypatch.setattr(check_evaluations, "number_differences", counted)
    memory = Verified(tmp_path / "memory")
    assert submit(bundle, there, sleep=lambda _: None, verified=memory).state == PULL_REQUEST
    assert len(resampled) == len(bundle.records) > 1


def test_a_record_in_anothers_place_is_not_posted(there: Repository, results: Path) -> None:
    folder = next(results.glob("*/*/vgg16"))
    folder.rename(folder.with_name("vgg19"))
    said = reason(lambda: post(there, bundle_of(results)), CheckFailed)
    assert "belongs in" in said


@pytest.mark.parametrize(
    "text",
    [
        "/home/me/films/weights.h5",
        "/data/weights.h5",
        "~/weights.h5",
        "C:\\Users\\me\\weights.h5",
        "from /home/me/code.py",
        "file:///data/weights.h5",
        "hf_" + "a1" * 17,
    ],
)
def test_a_path_or_a_token_in_a_record_is_not_posted(results: Path, text: str) -> None:
    def tell(value: dict[str, Any]) -> None:
        value["environment"]["device"] = text

    edit_record(next(results.glob("*/*/vgg16/*/record.json")), tell)
    said = reason(lambda: bundle_of(results))
    assert "environment.device" in said and text not in said


def test_predictions_with_more_columns_are_not_posted(results: Path) -> None:
    """Else films could travel in them."""
    path = next(results.glob("*/*/vgg16/*/predictions-test.parquet"))
    table = pa.parquet.read_table(path)
    films = pa.array([b"\x89PNG"] * len(table))
    pa.parquet.write_table(table.append_column("image", films), path)
    assert "holds more than image_id and p_cancer" in reason(lambda: bundle_of(results))


def test_ids_that_are_paths_are_not_posted(tmp_path: Path) -> None:
    world = World(patients=20, test_size=20, epochs=2, film_prefix="/home/me/films/a")
    write_cell(tmp_path / "results", world, Cell(brought=True, classifier="mine"))
    assert "a path of this machine" in reason(lambda: bundle_of(tmp_path / "results"))


def test_an_unknown_classifier_is_refused(results: Path) -> None:
    assert "Did you mean 'my-densenet'?" in reason(lambda: chosen(results, ["my-densnet"]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--submitter, --code, --weights-link, --other-mammograms are missing"),
        (OPTIONS[:6], "--other-mammograms is missing"),
        ([*OPTIONS, "--code", "javascript:alert(1)"], "--code is not an http:// or https:// link"),
        ([*OPTIONS, "--submitter", "<b>me</b>"], "--submitter holds HTML"),
    ],
)
def test_bad_facts_are_refused_by_the_command(
    results: Path, options: list[str], message: str
) -> None:
    done = runner.invoke(main_app, ["leaderboard", "submit", str(results), NAME, *options])
    assert isinstance(done.exception, BadInput) and message in done.exception.message
    assert done.stdout == ""


def test_the_command_without_facts_ends_before_any_request(
    hub: LoopbackHub, results: Path, tmp_path: Path
) -> None:
    command = ["-m", "mammo_synth", "leaderboard", "submit", str(results), NAME]
    done = hub.run(command, tmp_path / "home", check=False)
    assert done.returncode == 2 and "--submitter, --code" in done.stderr
    assert done.stdout == "" and hub.log() == []


def test_what_is_missing_is_asked_on_a_terminal(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mammo_synth.cli.leaderboard import submit as command

    answers = iter(["<b>", "My Lab", "https://example.org/code", "none"])
    asked: list[str] = []

    def prompt(text: str, err: bool) -> str:
        asked.append(text)
        return next(answers)

    given: list[Bundle] = []

    def stop(bundle: Bundle, *_: Any, **__: Any) -> Submitted:
        given.append(bundle)
        return Submitted(PRESENT, "", "", ())

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.prompt", prompt)
    monkeypatch.setattr("mammo_synth.leaderboard.submit.submit", stop)
    command.submit(results, NAME, other_mammograms="none")
    assert [question.split()[0] for question in asked] == ["Name", "Name", "Link", "Link"]
    assert given[0].records[0].submission == make_submission(
        "My Lab", "https://example.org/code", "none", "none"
    )


# The Hub


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (None, "No token for the Hub was found"),
        ("hf_wrong", "does not accept the token"),
        (LoopbackHub.read_token, "may only read"),
    ],
)
def test_tokens(
    hub: LoopbackHub, there: Repository, results: Path, token: str | None, message: str
) -> None:
    repository = Repository(hub.api(token), NAME)
    assert message in reason(lambda: post(repository, bundle_of(results)))
    assert changes(hub) == []


def test_an_unreachable_hub(hub: LoopbackHub, there: Repository, results: Path) -> None:
    hub.kill()
    try:
        said = reason(lambda: post(there, bundle_of(results)), HubTrouble)
    finally:
        hub.start()
    assert "connection to the Hub failed" in said


def test_a_repository_that_does_not_exist(hub: LoopbackHub, results: Path) -> None:
    repository = Repository(hub.api(), NAME)
    for dry_run in (True, False):
        said = reason(lambda: post(repository, bundle_of(results), dry_run=dry_run))  # noqa: B023
        assert f"There is no data set '{NAME}'" in said and "--create" in said
    assert changes(hub) == []


def test_create_makes_it_with_a_readme(hub: LoopbackHub, results: Path, tmp_path: Path) -> None:
    repository, bundle = Repository(hub.api(), NAME), bundle_of(results)
    planned = post(repository, bundle, create=True, dry_run=True)
    assert planned.changes == (f"Creates the data set {NAME}.",) and changes(hub) == []
    done = post(repository, bundle, create=True)
    assert done.state == PULL_REQUEST and done.revision == "refs/pr/1"
    assert done.changes == (f"Creates the data set {NAME}.", f"Writes README.md of {NAME}.")
    readme = repository.read("README.md", "main").decode()
    assert "scripts/results-ci/check . origin/main" in readme and f"submit RESULTS {NAME}" in readme
    assert "leaderboard check . --release path/to/RELEASE --save-releases" in readme
    assert set(repository.files("main")) == {".gitattributes", "README.md"}
    merge(repository, done)
    assert check(clone(repository, tmp_path / "clone")).sound
    assert post(repository, bundle, create=True).changes == ()


def test_create_that_was_interrupted_goes_on(hub: LoopbackHub, results: Path) -> None:
    """The repository was made, and its README was not written."""
    repository = Repository(hub.api(), NAME)
    repository.create(private=False)
    done = post(repository, bundle_of(results), create=True)
    assert done.changes == (f"Writes README.md of {NAME}.",) and done.state == PULL_REQUEST


def test_create_under_another_owner_is_refused(hub: LoopbackHub, results: Path) -> None:
    repository = Repository(hub.api(LoopbackHub.stranger_token), NAME)
    said = reason(lambda: post(repository, bundle_of(results), create=True))
    assert "may not publish under 'clinic'" in said and changes(hub) == []


def test_a_repository_of_a_release_is_refused(there: Repository, results: Path) -> None:
    operation = CommitOperationAdd("manifest.json", b"{}")
    there.api.create_commit(**KIND, operations=[operation], commit_message="x")
    assert "holds a release" in reason(lambda: post(there, bundle_of(results)))


# The layout


def test_the_folder_of_a_posted_record_names_its_digest(
    there: Repository, results: Path, tmp_path: Path
) -> None:
    merge(there, post(there, bundle_of(results)))
    folder = clone(there, tmp_path / "clone")
    path = next(folder.glob("*/*/vgg16/*/record.json"))
    path.write_text(path.read_text() + " ")
    stored = next(one for one in read_records(folder) if one.path == path)
    assert any("belongs in" in problem for problem in differences(folder, stored))


def test_the_text_of_a_test_set(tmp_path: Path) -> None:
    truth = SMALL.real_test()
    path = tmp_path / f"{truth.digest}.json"
    path.write_text(truth.text, "utf-8")
    assert sha256_file(path) == truth.digest
    assert read_test_set(tmp_path, truth.digest) == truth
    path.write_text(truth.text + "\n")
    with pytest.raises(CheckFailed, match="was changed"):
        read_test_set(tmp_path, truth.digest)
    fewer = make_test_set(list(truth.films[1:]))
    path.write_text(fewer.text)
    with pytest.raises(CheckFailed, match="was changed"):
        read_test_set(tmp_path, truth.digest)


@pytest.mark.parametrize(
    "content",
    [
        *("", "{}", "[]", "[[]]", "[1]", "[" * 5000),
        *('[["a",0,null,null,null]]', '[["a",true,null,null,null,null]]'),
        *('[["a",0,1,null,null,null]]', "[[0,0,null,null,null,null]]"),
    ],
)
def test_broken_text_is_no_test_set(tmp_path: Path, content: str) -> None:
    digest = "0" * 64
    (tmp_path / f"{digest}.json").write_text(content)
    with pytest.raises(BadInput):
        read_test_set(tmp_path, digest)


def test_equal_submissions_have_equal_digests(results: Path) -> None:
    assert bundle_of(results).digest == bundle_of(results).digest
    assert bundle_of(results).digest != bundle_of(results, who="Another").digest
    assert bundle_of(results).digest != bundle_of(results, "vgg16").digest

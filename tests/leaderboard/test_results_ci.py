"""scripts/results-ci/check: what a pull request on a repository of results may change."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from mammo_synth.bench.reproduction import FEWEST, MARGIN
from mammo_synth.leaderboard.check_releases import RELEASES_NAME, write_releases
from mammo_synth.leaderboard.submit_card import card
from tests.leaderboard.board_factory import Cell
from tests.leaderboard.plants import CONFIGURATION, WORLD, known, place, post, the_record

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

FOLDER = Path(__file__).parents[2] / "scripts/results-ci"


@dataclass(frozen=True)
class Clone:
    """A clone of a repository of results, on the branch `submission`."""

    folder: Path

    def git(self, *arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        command = ("git", *who, *arguments)
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "--force", ".")
        self.git("commit", "-m", "a")

    def check(self, *base: str, **environment: str) -> tuple[int, str]:
        """Exit code and output. The check of the content has its own tests; here it passes."""
        done = subprocess.run(
            [FOLDER / "check", self.folder, *base],
            env={**os.environ, "MAMMO_SYNTH": "true", **environment},
            check=False,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """One record and its release are posted; another record is submitted."""
    results = tmp_path / "results"
    post(results, Cell(CONFIGURATION), tmp_path / "first")
    write_releases(results / RELEASES_NAME, {WORLD.sha256: known()})
    made = Clone(results)
    made.git("init", "-b", "main")
    made.commit()
    made.git("checkout", "-b", "submission")
    post(results, Cell(CONFIGURATION, "my-densenet"), tmp_path / "second")
    made.commit()
    return made


def test_what_submit_posts_may_be_added(clone: Clone) -> None:
    assert clone.check("main") == (0, "")


def test_a_branch_that_lacks_commits_of_main_is_refused(clone: Clone, tmp_path: Path) -> None:
    clone.git("checkout", "main")
    post(clone.folder, Cell(CONFIGURATION, "merged-meanwhile"), tmp_path / "third")
    clone.commit()
    clone.git("checkout", "submission")
    code, said = clone.check("main")
    assert (code, "[base-moved]" in said) == (1, True), said
    clone.git("merge", "--no-edit", "main")
    assert clone.check("main") == (0, "")


def test_changes_that_are_not_committed_are_refused(clone: Clone) -> None:
    """The content is that of the files, the change that of commits."""
    for path in ("notes.txt", "releases.json"):
        place(path, "{}")(clone.folder)
        code, said = clone.check("main")
        assert (code, said.count("[not-committed]"), said.count("\n")) == (1, 1, 1), said
        clone.git("add", "--force", ".")
        assert "[not-committed]" in clone.check("main")[1]
        clone.git("reset", "--hard")
    assert clone.check("main") == (0, "")


def test_the_commands_of_the_readme_check_on_the_main_of_today(
    clone: Clone, tmp_path: Path
) -> None:
    """In a clone that lacks what was merged since, for one pull request after another."""
    readme = (FOLDER / "README.md").read_text("utf-8")
    commands = [line for line in readme.splitlines() if line.startswith(("git fetch", "git check"))]
    assert len(commands) == 2
    for command in commands:
        assert command.replace("refs/pr/7", "refs/pr/NUMBER") in card("a/b").decode()
    origin, mine = clone, Clone(tmp_path / "mine")
    origin.git("update-ref", "refs/pr/7", "submission")
    origin.git("checkout", "-b", "second", "main")
    post(origin.folder, Cell(CONFIGURATION, "second"), tmp_path / "c")
    origin.commit()
    origin.git("update-ref", "refs/pr/8", "second")
    origin.git("checkout", "main")
    origin.git("clone", "-b", "main", ".", str(mine.folder))
    for number in (7, 8):
        post(origin.folder, Cell(CONFIGURATION, f"meanwhile-{number}"), tmp_path / f"a{number}")
        origin.commit()
        for command in commands:
            for part in command.replace("refs/pr/7", f"refs/pr/{number}").split(" && "):
                mine.git(*part.split()[1:])
        assert mine.check("origin/main") == (0, "")
        for name in (f"refs/pr/{number}", "main"):
            mine.git("fetch", "origin", name)
            mine.git("merge-base", "--is-ancestor", "FETCH_HEAD", "HEAD")
        # It is merged, in a commit that this clone does not have.
        origin.git("merge", "--squash", f"refs/pr/{number}")
        origin.commit()


def test_what_is_there_is_never_changed(clone: Clone) -> None:
    (record,) = clone.folder.glob("*/*/vgg16/*/record.json")
    record.write_text("{}")
    record.with_name("predictions-test.parquet").unlink()
    clone.commit()
    code, said = clone.check("main")
    assert (code, said.count("[not-append-only]"), said.count("\n")) == (1, 2, 2), said
    assert clone.check("main", MAINTAINER="yes")[0] == 1


CELL = f"a-1.0.0-01234567/{CONFIGURATION}/my-net/replicate-0-01234567"


@pytest.mark.parametrize(
    "path",
    [
        *("index.html", "README.md", ".github/workflows/x.yml", ".gitattributes", ".cache/a"),
        *("test-sets/virus.html", f"test-sets/{'0' * 64}.parquet", f"test-sets/{'0' * 63}.json"),
        *(f"{CELL}/index.html", f"{CELL}/training-state.safetensors", f"{CELL}/a/record.json"),
        *(f"a/{CELL}/record.json", f"<b>x{CELL}/record.json", f"{CELL}x/record.json"),
        *(f"{CELL[:-9]}/record.json", f"{CELL}/record.json\n", f"é{CELL}/record.json"),
        f"{CELL}/predictions-train.parquet",
    ],
)
def test_nothing_but_records_and_test_sets_is_added(clone: Clone, path: str) -> None:
    place(path)(clone.folder)
    clone.commit()
    for maintainer in ("", "yes"):
        code, said = clone.check("main", MAINTAINER=maintainer)
        assert (code, said.count("[stray-file]"), said.count("\n")) == (1, 1, 1), said


def test_programs_and_links_are_refused(clone: Clone) -> None:
    place(f"{CELL}/record.json")(clone.folder)
    (clone.folder / CELL / "record.json").chmod(0o755)
    (clone.folder / CELL / "submission.json").symlink_to("/etc/passwd")
    clone.commit()
    code, said = clone.check("main")
    assert (code, said.count("no plain file")) == (1, 2), said


def test_reproductions_and_releases_are_a_maintainers(clone: Clone) -> None:
    folder = the_record(clone.folder).parent.relative_to(clone.folder)
    for name in ("reproduction.json", "reproduction-real_test.parquet"):
        place(f"{folder}/{name}", "{}")(clone.folder)
    (clone.folder / RELEASES_NAME).write_text("{}")
    clone.commit()
    code, said = clone.check("main")
    assert (code, said.count("[maintainers-only]"), said.count("\n")) == (1, 3, 3), said
    assert clone.check("main", MAINTAINER="yes") == (0, "")
    # A verdict that stands is not changed by anybody.
    place(f"{folder}/reproduction.json", "[]")(clone.folder)
    clone.git("branch", "reproduced")
    clone.commit()
    code, said = clone.check("reproduced", MAINTAINER="yes")
    assert (code, said.count("[not-append-only]")) == (1, 1), said


def test_without_known_releases_nothing_passes(clone: Clone) -> None:
    (clone.folder / RELEASES_NAME).unlink()
    code, said = clone.check()
    assert code == 1
    assert "[no-releases]" in said
    assert "--save-releases" in said


def test_the_check_of_the_content_decides_too(clone: Clone) -> None:
    assert clone.check() == (0, "")
    assert clone.check(MAMMO_SYNTH="false")[0] == 1
    assert clone.check("nowhere")[0] > 1


def test_the_readme_says_the_rule_of_agreement() -> None:
    said = (FOLDER / "README.md").read_text()
    assert f"both lie within {MARGIN} of 0" in said
    assert f"fewer than {FEWEST} patients" in said

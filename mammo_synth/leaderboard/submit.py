"""Posts records to a repository of results on the Hub, by one pull request.

The repository is a data set of its own: in that of a release, each merge would make every reader's
cache of the films stale. A clone of it is a RESULTS folder. What is there is never changed: a file
with the same bytes is left out, one with other bytes refuses the submission. Every run begins by
looking at what is there, so one that was interrupted is repeated, and opens no second pull request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mammo_synth.bench.results import RECORD_NAME
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_bytes
from mammo_synth.leaderboard.check_releases import RELEASES_NAME
from mammo_synth.leaderboard.submit_card import card
from mammo_synth.leaderboard.submit_copies import refuse_copies
from mammo_synth.leaderboard.submit_files import Bundle, require_sound
from mammo_synth.leaderboard.submit_refusals import (
    refuse_changes,
    refuse_gaps,
    refuse_release,
    refuse_taken,
    same,
)
from mammo_synth.leaderboard.submit_words import description_of, short, title_of
from mammo_synth.leaderboard.verified import NOTHING, Verified
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.hub import Repository, StoredFile
from mammo_synth.release.hub_errors import MAIN, in_words, not_found, patiently
from mammo_synth.release.publish import PublishSettings, check_token

PLANNED, PULL_REQUEST = "planned", "pull request"
OPEN, PRESENT = "pull request already open", "already posted"
NEW, THERE = "new", "already posted"

README = "README.md"


@dataclass(frozen=True)
class SubmitSettings:
    """How to submit.

    Attributes:
        create: Make the repository, with a README, if it does not exist.
        dry_run: Change nothing on the Hub; a public repository is then read without a token.
    """

    create: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class SubmittedFile:
    """One file: its path in the repository, its size, its digest, and new or already posted."""

    path: str
    bytes: int
    sha256: str
    state: str


@dataclass(frozen=True)
class Submitted:
    """What was done, or with a dry run would be.

    Attributes:
        state: planned, pull request, pull request already open, already posted.
        title: Title of the pull request; ``description`` is its text.
        files: Every file of the submission, sorted by path.
        changes: What happens beside the pull request, one short sentence each.
        pull_request: Its address, where one was opened or is open.
        revision: Its reference, such as ``refs/pr/1``.
    """

    state: str
    title: str
    description: str
    files: tuple[SubmittedFile, ...]
    changes: tuple[str, ...] = ()
    pull_request: str | None = None
    revision: str | None = None

    def records(self, state: str) -> list[str]:
        """Folders of the records in ``state``."""
        paths = [PurePosixPath(file.path) for file in self.files if file.state == state]
        return [path.parent.as_posix() for path in paths if path.name == RECORD_NAME]


def submit(
    bundle: Bundle,
    repository: Repository,
    settings: SubmitSettings | None = None,
    *,
    now: str | None = None,
    progress: Progress = SILENT,
    sleep: Callable[[float], None] = time.sleep,
    verified: Verified = NOTHING,
) -> Submitted:
    """Check ``bundle``, and open a pull request with what ``repository`` does not have of it.

    It is checked by itself, then against what the repository has: its `releases.json`, the records
    of the same replicates, names and configurations. What only all records together show, such as
    two pull requests that copy one another, is left to the repository's own check.

    Args:
        bundle: The submission, from `mammo_synth.leaderboard.submit_files.gather`.
        repository: The repository of results.
        settings: How.
        now: The time, UTC, ``2026-01-31T12:00:00Z``: no record is of the future; None leaves that
            to the repository's own check.
        progress: Hears of every step.
        sleep: Waits before a repetition.
        verified: As `mammo_synth.leaderboard.check.check` takes it: the submission is checked
            again with what the repository knows, and its numbers need no second recomputation.

    Raises:
        BadInput: No token, no such repository or one of something else, a path that is there with
            other bytes, a replicate that is posted already or below which another is missing, or
            a classifier's name that is taken.
        CheckFailed: The submission does not pass `leaderboard check`, or copies a posted record.
        HubTrouble: The Hub could not be reached, or failed again and again.
    """
    settings = settings or SubmitSettings()
    require_sound(bundle, now=now, progress=progress, verified=verified)
    if not settings.dry_run:
        patiently(
            lambda: check_token(repository, PublishSettings(create_pr=True)), progress, sleep=sleep
        )
    run = _Run(bundle, repository, settings, now, progress, verified)
    return patiently(run.go_on, progress, sleep=sleep)


@dataclass
class _Run:
    """One submission, over all its repetitions."""

    bundle: Bundle
    repository: Repository
    settings: SubmitSettings
    now: str | None
    progress: Progress
    verified: Verified
    changes: tuple[str, ...] = ()

    def go_on(self) -> Submitted:
        """Look at what is there and do what is left."""
        if not self._settle():
            refuse_gaps(self.bundle, self.repository, {}, MAIN)
            return self._submitted(PLANNED, {})
        main = self.repository.commit_of(MAIN)
        there = self.repository.files(main)
        refuse_release(self.repository, there)
        if self.settings.create and README not in there:
            self._note(f"Writes {README} of {self.repository.name}.")
            if not self.settings.dry_run:
                main = self._write_card(main)
        refuse_changes(self.bundle, self.repository, there)
        refuse_taken(self.bundle, self.repository, there, main)
        refuse_gaps(self.bundle, self.repository, there, main)
        if RELEASES_NAME in there:
            known = {RELEASES_NAME: self.repository.read(RELEASES_NAME, main)}
            require_sound(
                self.bundle,
                known,
                now=self.now,
                progress=self.progress,
                verified=self.verified,
            )
        refuse_copies(self.bundle, self.repository, there, main, self.progress)
        if all(path in there for path in self.bundle.files):
            return self._submitted(PRESENT, there)
        opened = self._opened(there)
        if opened is not None:
            return opened
        if self.settings.dry_run:
            return self._submitted(PLANNED, there)
        return self._open(there, main)

    def _settle(self) -> bool:
        """Create the repository if that was asked for; False if a dry run leaves it uncreated."""
        name = self.repository.name
        if self.repository.settings() is not None:
            return True
        if not self.settings.create:
            raise BadInput(
                not_found(name).message,
                hint="Check the spelling (ORG/NAME); --create makes a new repository of results.",
            )
        self._note(f"Creates the data set {name}.")
        if self.settings.dry_run:
            return False
        try:
            check_token(self.repository, PublishSettings())
        except BadInput as error:
            raise BadInput(
                error.message, hint="Ask its owner to make the repository, or use a name of yours."
            ) from error
        self.repository.create(private=False)
        return True

    def _note(self, change: str) -> None:
        if change not in self.changes:
            self.changes = (*self.changes, change)

    def _write_card(self, main: str) -> str:
        from huggingface_hub import CommitOperationAdd

        with in_words(self.repository.name):
            done = self.repository.api.create_commit(
                self.repository.name,
                [CommitOperationAdd(README, card(self.repository.name))],
                commit_message="Say what is here and how it is checked",
                repo_type="dataset",
                parent_commit=main,
            )
        return str(done.oid)

    # The pull request

    def _opened(self, there: Mapping[str, StoredFile]) -> Submitted | None:
        """The open pull request that holds exactly this submission: an earlier run's."""
        repository = self.repository
        with in_words(repository.name):
            # The digest in the title finds it in one listing; its files say whether it is true.
            found = [
                one
                for one in repository.api.get_repo_discussions(
                    repository.name,
                    repo_type="dataset",
                    discussion_type="pull_request",
                    discussion_status="open",
                )
                if short(self.bundle) in one.title
            ]
        for one in found:
            reference = f"refs/pr/{one.num}"
            proposed = repository.files(reference)
            if all(
                path in there or (path in proposed and same(data, proposed[path]))
                for path, data in self.bundle.files.items()
            ):
                return self._submitted(OPEN, there, one.url, reference)
        return None

    def _open(self, there: Mapping[str, StoredFile], main: str) -> Submitted:
        from huggingface_hub import CommitOperationAdd

        operations: list[Any] = [
            CommitOperationAdd(path, data)
            for path, data in self.bundle.files.items()
            if path not in there
        ]
        with in_words(self.repository.name):
            done = self.repository.api.create_commit(
                self.repository.name,
                operations,
                commit_message=title_of(self.bundle),
                commit_description=description_of(self.bundle),
                repo_type="dataset",
                parent_commit=main,
                create_pr=True,
            )
        return self._submitted(PULL_REQUEST, there, str(done.pr_url), str(done.pr_revision))

    def _submitted(
        self,
        state: str,
        there: Mapping[str, StoredFile],
        address: str | None = None,
        revision: str | None = None,
    ) -> Submitted:
        files = tuple(
            SubmittedFile(path, len(data), sha256_bytes(data), THERE if path in there else NEW)
            for path, data in self.bundle.files.items()
        )
        return Submitted(
            state,
            title_of(self.bundle),
            description_of(self.bundle),
            files,
            self.changes,
            address,
            revision,
        )

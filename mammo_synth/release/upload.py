"""Sends a release's files to a repository and makes the commits that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from mammo_synth.errors import CheckFailed
from mammo_synth.manifest import Manifest
from mammo_synth.progress import Progress
from mammo_synth.release.folder import Release
from mammo_synth.release.hub import Refs, Repository, StoredFile
from mammo_synth.release.hub_errors import MAIN, in_words
from mammo_synth.release.upload_plan import (
    CHANGED,
    DELETED,
    LFS_FILE,
    LFS_RULE,
    NEW,
    UploadPlan,
    earlier_release,
    needs_lfs_rule,
    plan_upload,
)

_PULL_REQUESTS_SEEN = 20


@dataclass(frozen=True)
class PullRequest:
    """A pull request that holds the release: its revision, head commit and web page."""

    revision: str
    commit: str
    url: str


@dataclass(frozen=True)
class Upload:
    """One release on its way to one repository.

    Attributes:
        sent: Paths whose content the repository has by now, committed or not; it grows.
    """

    release: Release
    repository: Repository
    progress: Progress
    sent: set[str] = field(default_factory=set)

    @property
    def branch(self) -> str:
        """Where the release is put together and checked, before main has it."""
        return f"release-v{self.release.version}"

    def stage(self, refs: Refs, main: str, earlier: Manifest | None) -> str:
        """Bring the release to its branch; the commit there that holds it."""
        repository, head = self.repository, refs.branches.get(self.branch)
        if head is None:
            with in_words(repository.name, main):
                repository.api.create_branch(
                    repository.name,
                    branch=self.branch,
                    revision=main,
                    repo_type="dataset",
                    exist_ok=True,
                )
            head = main
        there = repository.files(head)
        if head != main:
            earlier = earlier_release(self.release, repository, there, head)
        rule = self._lfs_rule(there, head)
        if rule:  # the Hub goes by the rules of the branch when it is asked where a file belongs
            head = self._commit(rule, self.branch, head)
        plan = plan_upload(self.release, there, earlier)
        if plan.is_empty:
            return head
        return self._commit(self._operations(plan, self.branch), self.branch, head)

    def bring_to_main(
        self, plan: UploadPlan, main: str, there: Mapping[str, StoredFile], staged: str
    ) -> str:
        """One commit that makes main the release: its large files are those of the branch."""
        from huggingface_hub import CommitOperationAdd, CommitOperationCopy

        on_branch = self.repository.files(staged)
        operations: list[Any] = self._lfs_rule(there, main)
        for path in plan.paths(NEW, CHANGED):
            if on_branch[path].sha256 is not None:
                operations.append(CommitOperationCopy(path, path, src_revision=staged))
            else:
                operations.append(CommitOperationAdd(path, self.release.folder / path))
        operations += self._deletions(plan)
        return self._commit(operations, MAIN, main)

    def propose(self, plan: UploadPlan, main: str, there: Mapping[str, StoredFile]) -> PullRequest:
        """Open a pull request with the release, unless one with the same files is open."""
        opened = self._proposed()
        if opened is not None:
            return opened
        operations = self._lfs_rule(there, main) + self._operations(plan, MAIN, create_pr=True)
        with in_words(self.repository.name):
            done = self.repository.api.create_commit(
                self.repository.name,
                operations,
                commit_message=f"Release {self.release.version}",
                commit_description=self._description(),
                repo_type="dataset",
                parent_commit=main,
                create_pr=True,
            )
        return PullRequest(str(done.pr_revision), done.oid, str(done.pr_url))

    def _proposed(self) -> PullRequest | None:
        """The open pull request that holds exactly this release: an earlier run's."""
        repository = self.repository
        with in_words(repository.name):
            found = repository.api.get_repo_discussions(repository.name, repo_type="dataset")
            for one in islice(found, _PULL_REQUESTS_SEEN):
                if not one.is_pull_request or one.status not in ("open", "draft"):
                    continue
                reference = f"refs/pr/{one.num}"
                there = repository.files(reference)
                if not plan_upload(self.release, there).paths(NEW, CHANGED):
                    return PullRequest(reference, repository.commit_of(reference), one.url)
        return None

    def _operations(self, plan: UploadPlan, revision: str, *, create_pr: bool = False) -> list[Any]:
        """Send what is new, file by file, and give the operations of the commit that uses it."""
        from huggingface_hub import CommitOperationAdd

        files = [file for file in plan.files if file.state in (NEW, CHANGED)]
        additions = []
        self.progress.start("kB uploaded", sum(-(-file.bytes // 1000) for file in files))
        for file in files:
            addition = CommitOperationAdd(file.path, self.release.folder / file.path)
            with in_words(self.repository.name, revision):
                # One at a time: the Hub's storage finds parts that files share only among those
                # that were sent before.
                self.repository.api.preupload_lfs_files(
                    self.repository.name,
                    [addition],
                    repo_type="dataset",
                    revision=revision,
                    create_pr=create_pr,
                    free_memory=False,
                )
            if addition.upload_info.sha256.hex() != file.sha256:
                raise CheckFailed(
                    f"{self.release.folder / file.path} changed while it was uploaded.",
                    hint="Leave the folder alone, then run the same command again.",
                )
            self.sent.add(file.path)
            self.progress.advance(-(-file.bytes // 1000), note=file.path)
            additions.append(addition)
        self.progress.finish()
        return additions + self._deletions(plan)

    def _deletions(self, plan: UploadPlan) -> list[Any]:
        from huggingface_hub import CommitOperationDelete

        return [CommitOperationDelete(path, is_folder=False) for path in plan.paths(DELETED)]

    def _lfs_rule(self, there: Mapping[str, StoredFile], commit: str) -> list[Any]:
        """The operation that lets Parquet files be large files, if git's rules there do not."""
        from huggingface_hub import CommitOperationAdd

        rules = self.repository.read(LFS_FILE, commit) if LFS_FILE in there else b""
        if not needs_lfs_rule(rules):
            return []
        line_end = b"" if rules.endswith(b"\n") or not rules else b"\n"
        return [CommitOperationAdd(LFS_FILE, rules + line_end + LFS_RULE.encode())]

    def _commit(self, operations: list[Any], branch: str, parent: str) -> str:
        """One commit on ``branch``, which must still stand at ``parent``."""
        with in_words(self.repository.name, branch):
            done = self.repository.api.create_commit(
                self.repository.name,
                operations,
                commit_message=f"Release {self.release.version}",
                commit_description=self._description(),
                repo_type="dataset",
                revision=branch,
                parent_commit=parent,
            )
        return str(done.oid)

    def _description(self) -> str:
        """What the release's history says of this version."""
        history = self.release.manifest.facts.get("history") or [{}]
        return "\n".join(history[0].get("changes", ()))

"""Publishes a release on the Hub: all of it or nothing, and never a version twice.

The files go to a branch first, and are checked there as a stranger sees them. Then one commit puts
them on main, a tag marks that commit, and the branch goes. So no reader of main or of a tag ever
sees half a release. Every run begins by looking at what is there, which is why one that was
interrupted anywhere goes on when it is repeated, and sends nothing twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.folder import Release
from mammo_synth.release.forms import REHYDRATED, may_be_passed_on
from mammo_synth.release.gate import refuse_unsafe
from mammo_synth.release.hub import Refs, Repository
from mammo_synth.release.hub_errors import MAIN, in_words, no_token, patiently
from mammo_synth.release.remote import require_published
from mammo_synth.release.upload import Upload
from mammo_synth.release.upload_plan import (
    CHANGED,
    NEW,
    UploadPlan,
    earlier_release,
    plan_upload,
    refuse_older,
)
from mammo_synth.release.verify import verify_release

PLANNED, PUBLISHED, PRESENT = "planned", "published", "already published"
PULL_REQUEST, MERGED = "pull request", "already on main"

_NAMED = 3


@dataclass(frozen=True)
class PublishSettings:
    """How to publish.

    Attributes:
        private: Only the owner may see the repository.
        gated: Readers ask for access, and get it at once (auto) or by the owner (manual).
        create_pr: Open a pull request instead of writing to main, and set no tag.
        dry_run: Change nothing on the Hub.
    """

    private: bool = False
    gated: str | None = None
    create_pr: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Outcome:
    """What was done, or with a dry run would be.

    Attributes:
        state: One of the words above: planned, published, ...
        plan: The files, as they stood against main when it began (against the tag, if there is
            one already).
        changes: What happens beside the files, one short sentence each.
        commit: The commit that holds the release; None if there is none yet.
        pull_request: Its address, where one was opened or is open.
    """

    state: str
    plan: UploadPlan
    changes: tuple[str, ...] = ()
    commit: str | None = None
    pull_request: str | None = None


def tag_of(release: Release) -> str:
    """The tag of a release, such as ``v1.0.0``."""
    return f"v{release.version}"


def publish_release(
    release: Release,
    repository: Repository,
    settings: PublishSettings | None = None,
    *,
    progress: Progress = SILENT,
    require: Callable[..., None] = require_published,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Check ``release``, and put it on the Hub with its version as tag.

    Args:
        release: The folder.
        repository: Where to; made if it does not exist.
        settings: How.
        progress: Hears of every step.
        require: The check from the outside; raises CheckFailed.
        sleep: Waits before a repetition.

    Raises:
        BadInput: It may not be passed on, the token or the repository is not fit, or the version
            is published with other content.
        CheckFailed: The privacy gate was not passed, films of patients are behind a release that
            was never assessed, the release is not sound, or what the Hub gives is not the release.
        HubTrouble: The Hub could not be reached, or failed again and again.
    """
    settings = settings or PublishSettings()
    refuse_kept_films(release)
    if said := refuse_unsafe(release):
        progress.say(said)
    problems = verify_release(release, progress=progress)
    if problems:
        more = f" And {len(problems) - _NAMED} more." if len(problems) > _NAMED else ""
        raise CheckFailed(
            f"The release is not sound. {' '.join(problems[:_NAMED])}{more}",
            hint=f"See all: mammo-synth release verify {release.folder}. Then build it again.",
        )
    patiently(lambda: check_token(repository, settings), progress, sleep=sleep)
    upload = Upload(release, repository, progress)
    run = _Run(release, repository, settings, progress, require, upload)
    return patiently(run.go_on, progress, done=lambda: len(upload.sent), sleep=sleep)


def refuse_kept_films(release: Release) -> None:
    """Raise BadInput if the folder holds real pixels that its source's terms keep from others."""
    facts = release.manifest.facts
    if may_be_passed_on(facts):
        return
    what = "was rehydrated" if facts["real"] == REHYDRATED else "holds real pixels"
    raise BadInput(
        f"'{release.folder}' {what}, and films of '{release.source}' may not be passed on. Their "
        f"licence: {facts['terms']['licence'].rstrip('.')}.",
        hint="Publish the form with references only, which `mammo-synth release build` makes of "
        "such films: everybody puts their own films in with `mammo-synth release rehydrate`.",
    )


def check_token(repository: Repository, settings: PublishSettings) -> None:
    """Raise BadInput unless there is a token that may write under the repository's owner.

    What a token of narrow permissions may do is not known beforehand: the Hub says it later.
    """
    if repository.api.token is False:  # a client that was told to use none
        raise no_token()
    with in_words(repository.name):
        who = repository.api.whoami()
    user, owner = str(who["name"]), repository.name.split("/")[0]
    role = ((who.get("auth") or {}).get("accessToken") or {}).get("role")
    if role == "read":
        raise BadInput(
            f"The token of '{user}' may only read.",
            hint="Make a token with write access in the settings of the Hub, and set HF_TOKEN.",
        )
    roles = {org["name"].lower(): org.get("roleInOrg") for org in who.get("orgs") or ()}
    mine = owner.lower() == user.lower() or roles.get(owner.lower(), "read") != "read"
    if not mine and not settings.create_pr and role != "fineGrained":
        writable = [user, *(name for name, role in roles.items() if role != "read")]
        raise BadInput(
            f"'{user}' may not publish under '{owner}'.",
            hint=f"Publish under {' or '.join(writable)}, or open a pull request: --create-pr.",
        )


@dataclass
class _Run:
    """One publishing, over all its repetitions."""

    release: Release
    repository: Repository
    settings: PublishSettings
    progress: Progress
    require: Callable[..., None]
    upload: Upload
    first: UploadPlan | None = None
    changes: dict[str, None] = field(default_factory=dict)

    def go_on(self) -> Outcome:
        """Look at what is there and do what is left, up to the end."""
        repository, tag = self.repository, tag_of(self.release)
        if not self._settle():
            self.first = plan_upload(self.release, {})
            return self._outcome(PLANNED)
        refs = repository.refs()
        if tag in refs.tags:
            return self._finish_tagged(refs, tag)
        main = refs.branches.get(MAIN)
        if main is None:
            raise BadInput(
                f"'{repository.name}' has no branch '{MAIN}'.",
                hint="Make it on the Hub, or publish to another name.",
            )
        there = repository.files(main)
        earlier = earlier_release(self.release, repository, there, main)
        refuse_older(self.release, repository, earlier)
        known = repository.files(self.upload.branch) if self.upload.branch in refs.branches else {}
        plan = plan_upload(self.release, there, earlier, known.values())
        self.first = self.first or plan
        if self.settings.dry_run:
            return self._outcome(PLANNED)
        if self.settings.create_pr:
            if plan.is_empty:
                return self._outcome(MERGED, main)
            request = self.upload.propose(plan, main, there)
            self.require(repository, request.revision, progress=self.progress)
            return self._outcome(PULL_REQUEST, request.commit, request.url)
        if plan.is_empty:
            self.require(repository, main, progress=self.progress)
            commit = main
        else:
            staged = self.upload.stage(refs, main, earlier)
            self.require(repository, self.upload.branch, progress=self.progress)
            commit = self.upload.bring_to_main(plan, main, there, staged)
        with in_words(repository.name, commit):
            repository.api.create_tag(
                repository.name, tag=tag, revision=commit, repo_type="dataset"
            )
        self._remove_branch(repository.refs())
        self.require(repository, tag, progress=self.progress)
        return self._outcome(PUBLISHED, commit)

    def _outcome(
        self, state: str, commit: str | None = None, address: str | None = None
    ) -> Outcome:
        assert self.first is not None
        return Outcome(state, self.first, tuple(self.changes), commit, address)

    def _settle(self) -> bool:
        """Create the repository and set who may see it; False if a dry run leaves it uncreated."""
        repository, wanted = self.repository, self.settings
        now = repository.settings()
        created = now is None
        if now is None:
            kind = "private data set" if wanted.private else "data set"
            self._note(f"Creates the {kind} {repository.name}.")
            if not wanted.dry_run:
                repository.create(private=wanted.private)
                now = repository.settings()
        private = wanted.private and (now is None or not now.private) and not created
        gated = wanted.gated is not None and (now is None or now.gated != wanted.gated)
        if private:
            self._note(f"Makes {repository.name} private.")
        if gated:
            self._note(f"Gates {repository.name}: access on request ({wanted.gated}).")
        if (private or gated) and not wanted.dry_run:
            repository.set_access(
                private=True if private else None, gated=wanted.gated if gated else None
            )
        return not (created and wanted.dry_run)

    def _note(self, change: str) -> None:
        self.changes[change] = None

    def _finish_tagged(self, refs: Refs, tag: str) -> Outcome:
        """The version is published: with this content there is little left to do."""
        commit = self.repository.commit_of(tag)
        there = self.repository.files(commit)
        plan = plan_upload(self.release, there)
        differing = plan.paths(NEW, CHANGED)
        if differing:
            earlier_release(self.release, self.repository, there, commit)  # of another name?
            named = ", ".join(differing[:_NAMED]) + (", ..." if len(differing) > _NAMED else "")
            raise BadInput(
                f"{tag} of '{self.repository.name}' is published with other content "
                f"({len(differing)} files differ: {named}).",
                hint="A version is never overwritten: build the release with a higher --version.",
            )
        published_now = self.first is not None
        self.first = self.first or plan
        if not self.settings.dry_run:
            self._remove_branch(refs)
            self.require(self.repository, tag, progress=self.progress)
        return self._outcome(PUBLISHED if published_now else PRESENT, commit)

    def _remove_branch(self, refs: Refs) -> None:
        if self.upload.branch in refs.branches:
            with in_words(self.repository.name, self.upload.branch):
                self.repository.api.delete_branch(
                    self.repository.name, branch=self.upload.branch, repo_type="dataset"
                )

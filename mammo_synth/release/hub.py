"""One repository of the Hub, as publishing and downloading see it."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from mammo_synth.errors import BadInput
from mammo_synth.release.hub_errors import bad_name, in_words

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True)
class StoredFile:
    """A file at one revision of a repository.

    Attributes:
        bytes: Its size.
        blob: git's sha1 of it; of its pointer where it is in large file storage.
        sha256: Digest of its content, known for large file storage only.
    """

    bytes: int
    blob: str
    sha256: str | None


@dataclass(frozen=True)
class Refs:
    """Commit of every branch and tag."""

    branches: dict[str, str]
    tags: dict[str, str]


@dataclass(frozen=True)
class Settings:
    """Who may see a repository: ``gated`` is auto, manual or False."""

    private: bool
    gated: str | bool


@dataclass(frozen=True)
class Repository:
    """A data set repository of the Hub. Making one sends nothing."""

    api: HfApi
    name: str

    @classmethod
    def named(cls, api: HfApi, name: str) -> Repository:
        """The repository ``name``, which is checked.

        Raises:
            BadInput: It is not ORG/NAME as the Hub allows it.
        """
        from huggingface_hub import hf_hub_url

        with in_words(name):
            hf_hub_url(name, "README.md")  # checks the name
        if name.count("/") != 1:
            raise bad_name(name)
        return cls(api, name)

    @property
    def url(self) -> str:
        """Its web page."""
        return f"{self.api.endpoint}/datasets/{self.name}"

    def settings(self) -> Settings | None:
        """Who may see it; None if it does not exist, or is not to be seen with this token."""
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

        with in_words(self.name):
            try:
                info = self.api.dataset_info(self.name)
            except GatedRepoError:
                raise
            except RepositoryNotFoundError:
                return None
        return Settings(bool(info.private), info.gated or False)

    def refs(self) -> Refs:
        """Its branches and tags."""
        with in_words(self.name):
            refs = self.api.list_repo_refs(self.name, repo_type="dataset")
        return Refs(
            {ref.name: ref.target_commit for ref in refs.branches},
            {ref.name: ref.target_commit for ref in refs.tags},
        )

    def commit_of(self, revision: str) -> str:
        """The commit that a branch, tag or pull request stands at."""
        with in_words(self.name, revision):
            return str(self.api.dataset_info(self.name, revision=revision).sha)

    def files(self, revision: str) -> dict[str, StoredFile]:
        """Path → file, of all files at ``revision``."""
        from huggingface_hub.hf_api import RepoFile

        with in_words(self.name, revision):
            entries = list(
                self.api.list_repo_tree(
                    self.name, recursive=True, revision=revision, repo_type="dataset"
                )
            )
        return {
            entry.path: StoredFile(
                entry.size, entry.blob_id, entry.lfs.sha256 if entry.lfs is not None else None
            )
            for entry in entries
            if isinstance(entry, RepoFile)
        }

    def read(self, path: str, revision: str) -> bytes:
        """Content of a small file, straight from the Hub: never from a cache of this machine."""
        with tempfile.TemporaryDirectory() as folder, in_words(self.name, revision):
            found = self.api.hf_hub_download(
                self.name,
                path,
                repo_type="dataset",
                revision=revision,
                local_dir=folder,
                cache_dir=folder,
            )
            return Path(found).read_bytes()

    def create(self, *, private: bool) -> None:
        """Make it.

        Raises:
            BadInput: It exists, but this token may not see it.
        """
        from huggingface_hub.errors import HfHubHTTPError

        with in_words(self.name):
            try:
                self.api.create_repo(self.name, repo_type="dataset", private=private)
            except HfHubHTTPError as error:
                if error.response.status_code != 409:
                    raise
                if self.settings() is None:
                    raise BadInput(
                        f"There is a data set '{self.name}' that this token may not see.",
                        hint="Use a token with more rights, or publish to another name.",
                    ) from error

    def set_access(self, *, private: bool | None, gated: str | None) -> None:
        """Change who may see it; None leaves a setting as it is."""
        with in_words(self.name):
            self.api.update_repo_settings(
                self.name,
                private=private,
                gated=cast('Literal["auto", "manual"] | None', gated),
                repo_type="dataset",
            )


def git_blob(data: bytes) -> str:
    """git's sha1 of a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def open_api() -> HfApi:
    """A client of the Hub for the command line: of the endpoint and token that the user set, and
    without bars and warnings of its own, beside which ours could not be read."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # read when the client is imported
    from huggingface_hub import HfApi

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    return HfApi()

"""What was verified in full before: records whose every stored number was recomputed.

A stored interval rests on ten thousand resamples, for each metric and each subgroup, so verifying
a record in full takes a hundred times as long as its point metrics. It is done once: what was
verified is remembered by the digests of everything that the outcome depends on, the record, its
predictions, its test sets, and the source of the code that judged them. A record that was edited,
or code that changed, has another key and is verified again.

The memory is in the user's own cache folder and never beside the records: a folder of records may
come from strangers, who must not bring their own verdict along.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import mammo_synth
from mammo_synth.bench.record import Record
from mammo_synth.bench.results import evaluations_of
from mammo_synth.errors import MammoSynthError
from mammo_synth.files import sha256_bytes, sha256_file, sha256_json, write_json

HOME = "MAMMO_SYNTH_CACHE"
"""Environment variable: a folder for caches in place of ``~/.cache/mammo-synth``."""
_JUDGES = (
    "calibration.py",
    "evaluation.py",
    "metrics.py",
    "migration.py",
    "predictions.py",
    "record.py",
    "record.schema.json",
    "resampling.py",
    "results.py",
    "subgroups.py",
    "truth.py",
)


@dataclass(frozen=True)
class Verified:
    """Keys of records that were verified in full, one small file each.

    ``folder`` None remembers nothing. A folder that cannot be written remembers nothing either:
    the cost is only time. ``forgets`` knows nothing of before, and notes what is verified now.
    """

    folder: Path | None = None
    forgets: bool = False

    def knows(self, key: str) -> bool:
        """Whether the record of ``key`` was verified."""
        if self.folder is None or self.forgets:
            return False
        return (self.folder / key[:2] / key).is_file()

    def remember(self, key: str) -> None:
        """Note that it was."""
        if self.folder is None:
            return
        try:
            write_json(self.folder / key[:2] / key, {"verified_by": mammo_synth.__version__})
        except (OSError, MammoSynthError):
            return

    def remember_unedited(self, key: str, path: Path, sha256: str) -> None:
        """Note that it was, if its file ``path`` still has the digest of before it was verified:
        what was edited meanwhile is not known."""
        if sha256_file(path) == sha256:
            self.remember(key)


NOTHING = Verified()


def verified_by_user() -> Verified:
    """The memory of this user on this machine."""
    home = os.environ.get(HOME)
    if home:
        return Verified(Path(home) / "verified")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Verified(Path(base) / "mammo-synth" / "verified")


def key_of(record: Record, sha256: str) -> str:
    """Key of a record, whose file has the digest ``sha256``, together with its predictions and
    test sets by the digests that it names (those of the files are compared whenever it is read)."""
    return sha256_json({"record": sha256, "files": _files(record), "code": _code()})


def _files(record: Record) -> Mapping[str, list[str]]:
    return {
        split: [one["predictions"]["sha256"], one["test_set"]]
        for split, one in evaluations_of(record).items()
    }


@functools.cache
def _code() -> str:
    """Digest of the package's version and of the modules that verify a record."""
    bench = Path(mammo_synth.__file__).parent / "bench"
    digests = {name: sha256_bytes((bench / name).read_bytes()) for name in _JUDGES}
    return sha256_json([mammo_synth.__version__, digests])

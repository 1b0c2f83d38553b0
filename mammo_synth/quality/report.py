"""The quality report on disk: a folder of kind ``quality-report`` with ``report.json``.

`report.schema.json` is the contract; it is checked when a report is written and when one is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.manifest import Manifest, read_manifest

KIND = "quality-report"
FORMAT = "mammo-synth/quality-report/1"
REPORT_NAME = "report.json"


@dataclass(frozen=True)
class QualityReport:
    """A finished report.

    Attributes:
        folder: Holds ``report.json``, ``report.html`` and ``montages/``.
        manifest: Of the folder.
        content: What ``report.json`` says, as the schema describes it.
    """

    folder: Path
    manifest: Manifest
    content: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> QualityReport:
        """Read and check the report in ``folder``.

        Raises:
            BadInput: No finished report, one of another format, or one that was changed since.
        """
        manifest = read_manifest(folder, KIND)
        path = folder / REPORT_NAME
        entry = manifest.files.get(REPORT_NAME)
        if entry is None or not path.is_file():
            raise BadInput(f"'{folder}' has no {REPORT_NAME}.", hint=AGAIN)
        if sha256_file(path) != entry.sha256:
            raise BadInput(
                f"'{path}' is not the report that its manifest describes (sha256 differs).",
                hint=f"It was edited. {AGAIN}",
            )
        try:
            content = json.loads(path.read_bytes())
        except ValueError as error:
            raise BadInput(f"'{path}' is not valid JSON ({error}).", hint=AGAIN) from error
        check_content(content, str(path))
        return cls(folder, manifest, content)

    @property
    def passed(self) -> bool:
        """Whether the privacy gate was passed."""
        return bool(self.content["verdict"]["passed"])

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not, one sentence each."""
        return tuple(self.content["verdict"]["reasons"])

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the pools that were assessed."""
        return tuple(self.content["pools"])


AGAIN = "Make it again: mammo-synth pool assess POOL PREPARED --out DIR."


def check_content(content: Any, where: str) -> None:
    """Hold a report's content against the schema.

    Raises:
        BadInput: It does not fit, or is of another format.
    """
    from jsonschema import Draft202012Validator

    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise BadInput(
            f"{where} has the format {found!r}; this version reads '{FORMAT}'.",
            hint="Use the mammo-synth version that wrote it, or assess the pool again.",
        )
    schema = json.loads(Path(__file__).with_name("report.schema.json").read_text("utf-8"))
    problem = next(iter(Draft202012Validator(schema).iter_errors(content)), None)
    if problem is not None:
        place = "/".join(map(str, problem.absolute_path)) or "its top"
        raise BadInput(
            f"{where} does not follow the schema of quality reports: at {place}, "
            f"{problem.message[:200]}.",
            hint=AGAIN,
        )

"""A release as the comparison of two releases sees it: settings, facts, and who is in each cell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mammo_synth.release.cell_rows import cell_rows
from mammo_synth.release.changes import Edition
from mammo_synth.release.folder import Release


def edition(folder: Path, settings: Mapping[str, Any], facts: Mapping[str, Any]) -> Edition:
    """The release in ``folder``, finished or not."""
    return Edition(settings, facts, cell_rows(folder, facts))


def edition_of(release: Release) -> Edition:
    """A finished release."""
    return edition(release.folder, release.manifest.settings, release.manifest.facts)

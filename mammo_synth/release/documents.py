"""Every text file of a release that its manifest's settings and facts determine.

A build writes them, a verification compares them, and the cards kept in ``dataset_cards/`` are
rendered from the manifest kept beside them:

    python -m mammo_synth.release.documents FOLDER_OF_A_MANIFEST OUT
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mammo_synth.errors import MammoSynthError
from mammo_synth.files import write_bytes, write_text
from mammo_synth.manifest import MANIFEST_NAME, Input, Manifest, read_manifest, write_manifest
from mammo_synth.release.card import (
    facts_order,
    render_card,
    render_configuration_card,
    render_licence,
)
from mammo_synth.release.card_metadata import LICENCE_FILE
from mammo_synth.release.changes import render_changelog
from mammo_synth.release.croissant import CROISSANT_NAME, render_croissant
from mammo_synth.release.folder import KIND

CARD_NAME = "README.md"
CHANGELOG_NAME = "CHANGELOG.md"


def documents(settings: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, str]:
    """Text by POSIX path in the release: card, changelog, licence, Croissant file, and one card
    for each configuration.

    Args:
        settings: The release's settings, as in its manifest.
        facts: The release's facts, as in its manifest.
    """
    texts = {
        CARD_NAME: render_card(settings, facts),
        CHANGELOG_NAME: render_changelog(settings, facts),
        LICENCE_FILE: render_licence(settings, facts),
        CROISSANT_NAME: render_croissant(settings, facts),
    }
    for name in facts_order(facts):
        texts[f"cards/{name}.md"] = render_configuration_card(name, settings, facts)
    return texts


def finish_release(
    work: Path, settings: Mapping[str, Any], facts: dict[str, Any], inputs: tuple[Input, ...]
) -> Manifest:
    """Write the documents and, last of all, the manifest beside the shards in ``work``."""
    for name, text in documents(settings, facts).items():
        write_text(work / name, text)
    return write_manifest(work, KIND, settings=dict(settings), inputs=inputs, facts=facts)


def refresh(folder: Path, out: Path) -> None:
    """Render the documents of the release whose manifest is in ``folder`` into ``out``, with a
    copy of that manifest.

    Raises:
        BadInput: There is no manifest of a release.
    """
    data = read_manifest(folder, KIND)
    for name, text in documents(data.settings, data.facts).items():
        write_text(out / name, text)
    write_bytes(out / MANIFEST_NAME, (folder / MANIFEST_NAME).read_bytes())


def _main(arguments: Sequence[str]) -> int:
    try:
        folder, out = map(Path, arguments)
    except ValueError:
        sys.stderr.write("Usage: python -m mammo_synth.release.documents MANIFEST_FOLDER OUT\n")
        return 2
    try:
        refresh(folder, out)
    except MammoSynthError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))

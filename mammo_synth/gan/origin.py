"""What a generator learned from: its films, and those of the networks that it began from.

A generator passes on what it saw, so a run that begins from other networks inherits their patients,
their terms, and any doubt about them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mammo_synth.configurations import LABEL_VALUES
from mammo_synth.errors import BadInput
from mammo_synth.files import canonical_json, sha256_file
from mammo_synth.films.prepared import PreparedSet

from .checkpoint import read_header


@dataclass(frozen=True)
class Origin:
    """What the images are, for the header of the generator file.

    Attributes:
        label: ``cancer``, ``normal`` or ``both``.
        prepared_manifest: sha256 of the prepared set's manifest.
        source: The films' collection.
        simulated: Nothing but simulated films was ever seen.
        licence: Terms of the films, and of the networks that the run began from.
        patients: Short digests of all patients that it or the networks before it learned from;
            ``None`` where these do not say.
        before: The networks it began from, the nearest first: sha256, label, source, licence, kimg,
            prepared_manifest, simulated (it and all before it), films (``none``: it never saw any).
    """

    label: str
    prepared_manifest: str = ""
    source: str = ""
    simulated: bool = False
    licence: str = ""
    patients: tuple[str, ...] | None = ()
    before: tuple[dict[str, str], ...] = ()

    @classmethod
    def of(cls, prepared: PreparedSet, label: str) -> Origin:
        """What a prepared set says about its training films of ``label`` (or both)."""
        return cls(
            label=label,
            prepared_manifest=prepared.manifest.sha256,
            source=prepared.source,
            simulated=prepared.simulated,
            licence=str(prepared.terms.get("licence", "")),
            patients=prepared.patients("train", LABEL_VALUES.get(label)),
        )

    def header(self) -> dict[str, str]:
        """As fields of a file's header: strings, of which some hold JSON."""
        told = {k: v for k, v in asdict(self).items() if k not in ("simulated", *_JSON)}
        simulated = "true" if self.simulated else "false"
        return {
            **told,
            "simulated": simulated,
            **{k: canonical_json(getattr(self, k)) for k in _JSON},
        }

    @classmethod
    def from_header(cls, metadata: Mapping[str, str]) -> Origin:
        """Inverse of :meth:`header`; what a header does not say of patients is not known."""
        patients = json.loads(metadata.get("patients", "null"))
        return cls(
            label=metadata.get("label", ""),
            prepared_manifest=metadata.get("prepared_manifest", ""),
            source=metadata.get("source", ""),
            simulated=metadata.get("simulated") == "true",
            licence=metadata.get("licence", ""),
            patients=None if patients is None else tuple(str(p) for p in patients),
            before=tuple(dict(entry) for entry in json.loads(metadata.get("before", "[]"))),
        )

    def after(self, start: Path) -> Origin:
        """The origin of a run on these films that begins from the networks in ``start``.

        Raises:
            BadInput: Not a safetensors file, or a damaged header.
        """
        metadata = read_header(start, EXPECTED).get("__metadata__") or {}
        try:
            first = Origin.from_header(metadata)
        except (ValueError, TypeError) as error:
            raise BadInput(
                f"'{start}' does not say readably what it learned from ({str(error)[:100]}).",
                hint="Copy it again from where it was made.",
            ) from error
        entry = {
            "sha256": sha256_file(start),
            "label": first.label,
            "source": first.source,
            "licence": first.licence,
            "kimg": _kimg(metadata),
            "prepared_manifest": first.prepared_manifest,
            "simulated": "true" if first.simulated else "false",
            "films": "none" if first.patients == () else "",
        }
        known = self.patients is not None and first.patients is not None
        everyone = {*(self.patients or ()), *(first.patients or ())}
        return replace(
            self,
            simulated=self.simulated and first.simulated,
            licence=_terms(self.licence, first.licence),
            patients=tuple(sorted(everyone)) if known else None,
            before=(entry, *first.before),
        )


EXPECTED = "a checkpoint, a generator file or imported networks"
_JSON = ("patients", "before")


def _terms(own: str, before: str) -> str:
    if not before or before == own:
        return own
    return f"{own or 'films: not said'}; it began from networks under: {before}"


def _kimg(metadata: Mapping[str, Any]) -> str:
    if "seen" in metadata:  # a checkpoint
        return f"{int(metadata['seen']) / 1000:g}"
    return str(metadata.get("kimg", ""))

"""Import: a pickle of the reference becomes a file of ours that says where it comes from."""

from __future__ import annotations

import contextlib
import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from mammo_synth import __version__
from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.files import canonical_json, sha256_file

from .checkpoint import GENERATOR_FORMAT, NETWORKS_FORMAT, read_header, write_tensors
from .grey import RULE, grey_discriminator, grey_generator
from .legacy import NETWORKS, ReferenceNetworks, read_networks
from .settings import CLASSES, NetworkSettings, to_json

SUFFIX = ".safetensors"
LABELS = ("cancer", "normal", "both")
UNKNOWN_LICENCE = (
    "unknown: networks published by the reference's authors may be used for non-commercial "
    "purposes only, others as their authors say"
)


@dataclass(frozen=True)
class ImportOptions:
    """What the user says about a pickle, and what of it is wanted."""

    ema_only: bool = False  # a generator file, to draw images from; else all networks, to train on
    label: str | None = None  # cancer, normal, or both (two classes); a generator file needs it
    grey: bool = False  # fold RGB networks to grey ones
    licence: str = ""
    source: str = ""  # the films or images that the networks learned from
    no_films: bool = False  # they never saw a mammogram, so no patient either
    kimg: float | None = None  # None: from the file's name, if it has the reference's form


@dataclass(frozen=True)
class Imported:
    """What an import wrote, or with ``dry_run`` would write."""

    out: Path
    metadata: dict[str, str]
    tensors: int
    parameters: int  # numbers in all tensors
    sha256: str  # of the written file; empty for a dry run

    def describe(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "out": str(self.out),
            "sha256": self.sha256,
            "tensors": self.tensors,
            "numbers": self.parameters,
            **header_facts(self.metadata),
        }


def header_facts(metadata: dict[str, str]) -> dict[str, Any]:
    """A header with its JSON parts decoded and its numbers as numbers."""
    facts: dict[str, Any] = dict(metadata)
    for name in ("network", "training", "imported", "classes", "patients", "before"):
        if name in facts:
            facts[name] = json.loads(facts[name])
    facts["resolution"] = int(facts["resolution"])
    facts["kimg"] = float(facts["kimg"]) if facts.get("kimg") else None
    return facts


def import_networks(
    pickle: Path, out: Path, options: ImportOptions, *, dry_run: bool = False
) -> Imported:
    """Read a reference pickle and write ``out``: a generator file (``ema_only``) or a file of all
    networks. Nothing in the pickle is run. Equal pickles and options give equal bytes; ``dry_run``
    checks everything and writes nothing.

    Raises:
        BadInput: The pickle, the label or the output's name cannot be used; ``out`` holds
            something else.
    """
    if out.suffix != SUFFIX or out.is_dir():
        raise BadInput(
            f"'{out}' is no name for the imported networks; a file *{SUFFIX} was expected.",
            hint=f"Try --out {out.with_suffix(SUFFIX).name}.",
        )
    _check_options(options)
    networks = read_networks(pickle, ("G_ema",) if options.ema_only else NETWORKS)
    _check_label(networks.settings, options)
    settings, tensors = _grey(networks) if options.grey else (networks.settings, networks.tensors)
    if options.ema_only and settings.image_channels != 1:
        raise BadInput(
            f"The networks in '{pickle}' draw RGB images; generators of films are grey.",
            hint="Use --grey: it draws the luminance of the same images.",
        )
    metadata = _metadata(pickle, networks, settings, options)
    _check_free(out, metadata)
    if options.ema_only:
        flat = tensors["G_ema"]
    else:
        flat = {f"{n}.{key}": value for n, part in tensors.items() for key, value in part.items()}
    numbers = sum(value.numel() for value in flat.values())
    if dry_run:
        return Imported(out, metadata, len(flat), numbers, "")
    write_tensors(out, flat, metadata)
    return Imported(out, metadata, len(flat), numbers, sha256_file(out))


def _check_options(options: ImportOptions) -> None:
    if options.label is not None and options.label not in LABELS:
        raise BadInput(
            f"There is no label '{options.label}'.", hint=did_you_mean(options.label, LABELS)
        )
    if options.kimg is not None and not 0 <= options.kimg < 1e9:
        raise BadInput(f"kimg is {options.kimg}; 0 or more was expected.", hint="Try --kimg 5000.")


def _check_label(settings: NetworkSettings, options: ImportOptions) -> None:
    """A generator file says which films it draws: the pickle does not know."""
    if options.label is None and not options.ema_only:
        return
    if settings.c_dim not in (0, len(CLASSES)):
        raise BadInput(
            f"The networks have {settings.c_dim} classes; none or the two of "
            f"{', '.join(CLASSES)} were expected.",
            hint="Import a generator of one class, or of these two in this order.",
        )
    fitting = ("both",) if settings.c_dim else ("cancer", "normal")
    if options.label not in fitting:
        said = "no label was given" if options.label is None else f"'{options.label}' was given"
        what = (
            "has two classes, of which normal must be the first"
            if settings.c_dim
            else "draws one class of films"
        )
        raise BadInput(
            f"The pickle does not say what its generator draws. It {what}, and {said}.",
            hint=f"Add --label {' or --label '.join(fitting)}.",
        )


def _grey(networks: ReferenceNetworks) -> tuple[NetworkSettings, dict[str, dict[str, Tensor]]]:
    if networks.settings.image_channels == 1:
        raise BadInput("The networks are grey already.", hint="Leave --grey away.")
    if networks.settings.image_channels != 3:
        raise BadInput(
            f"The networks have {networks.settings.image_channels} image channels; RGB networks "
            "have 3.",
            hint="Only RGB networks can be made grey.",
        )
    folded = {
        name: (grey_discriminator if name == "D" else grey_generator)(part)
        for name, part in networks.tensors.items()
    }
    return replace(networks.settings, image_channels=1), folded


def _metadata(
    pickle: Path, networks: ReferenceNetworks, settings: NetworkSettings, options: ImportOptions
) -> dict[str, str]:
    """The header. It has the fields of a trained generator's; what nobody knows stays empty."""
    named = re.fullmatch(r"network-snapshot-(\d{6,9})\.pkl", pickle.name)
    kimg = options.kimg if options.kimg is not None else (int(named[1]) if named else None)
    origin = {
        "sha256": sha256_file(pickle),
        "from": "StyleGAN2-ADA pickle",
        "networks": sorted(networks.tensors),
        "grey": RULE if options.grey else None,
        "training_set": networks.training_set,
    }
    metadata = {
        "format": GENERATOR_FORMAT if options.ema_only else NETWORKS_FORMAT,
        "package_version": __version__,
        "network": canonical_json(to_json(settings)),
        "training": "{}",
        "resolution": str(settings.resolution),
        "label": options.label or "",
        "kimg": "" if kimg is None else f"{kimg:g}",
        "prepared_manifest": "",
        "source": options.source or "unknown (imported)",
        "simulated": "false",
        "licence": options.licence or UNKNOWN_LICENCE,
        "init": "",
        "init_from": "",
        "patients": "[]" if options.no_films else "null",
        "imported": canonical_json(origin),
    }
    if options.label == "both":
        metadata["classes"] = canonical_json(list(CLASSES))
    return metadata


def _check_free(out: Path, metadata: dict[str, str]) -> None:
    """``out`` is new, or it holds the same import: an import is never written over other work."""
    if not out.exists():
        return
    held: dict[str, Any] = {}
    with contextlib.suppress(BadInput):  # no safetensors file, so something else
        held = read_header(out, "an imported file").get("__metadata__") or {}
    same = ("imported", "format", "network", "patients")
    if any(held.get(name) != metadata[name] for name in same):
        raise BadInput(
            f"'{out}' is there already and holds something else.",
            hint="Choose another --out.",
        )


def is_networks_file(path: Path) -> bool:
    """Whether ``path`` is a file of imported networks."""
    if not path.is_file():
        return False
    with contextlib.suppress(BadInput):
        metadata = read_header(path, "imported networks").get("__metadata__") or {}
        return bool(metadata.get("format") == NETWORKS_FORMAT)
    return False


def networks_facts(path: Path) -> dict[str, Any]:
    """What a file of imported networks says about itself, as JSON values.

    Raises:
        BadInput: No such file, or a damaged one.
    """
    header = read_header(path, "imported networks")
    try:
        metadata = dict(header.pop("__metadata__"))
        sizes = [math.prod(entry["shape"]) for entry in header.values()]
        return {"sha256": sha256_file(path), "numbers": sum(sizes), **header_facts(metadata)}
    except (KeyError, ValueError, TypeError) as error:
        raise BadInput(
            f"'{path}' has a damaged header.", hint="Import the pickle again."
        ) from error

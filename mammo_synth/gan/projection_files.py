"""A projection on disk: pictures, latents, and what they came from."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_bytes, sha256_json, write_bytes, write_json
from mammo_synth.films.geometry import prepare_pixels
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.films.readers import decode, read_bytes
from mammo_synth.manifest import MANIFEST_NAME, relative_input, write_manifest
from mammo_synth.png import decode_png, encode_png
from mammo_synth.progress import SILENT, Progress

from .checkpoint import read_tensors, write_tensors
from .projection import Projection, ProjectionSettings, project_all
from .sample import LoadedGenerator
from .sheets import labelled_sheet

KIND = "projection"
FORMAT, SEARCH_FORMAT = "mammo-synth/projection/1", "mammo-synth/search/1"
SAVE_SECONDS = 60.0
ABOUT, LATENTS, IMAGE, SIDE_BY_SIDE = (
    "projection.json",
    "projection.safetensors",
    "projected.png",
    "compared.png",
)


@dataclass(frozen=True)
class Target:
    """A film to project: its name (of its folder), pixels uint8 ``[R, R]``, and where from."""

    name: str
    pixels: NDArray[np.uint8]
    origin: dict[str, Any]

    @property
    def pixel_sha256(self) -> str:
        """Digest of the pixels."""
        return sha256_bytes(self.pixels.tobytes())


def read_targets(paths: Sequence[Path], size: int) -> list[Target]:
    """Films from their files, oriented, padded and resized as `films prepare` does.

    Raises:
        BadInput: A file that does not decode, an empty film, two files of one name.
    """
    targets = []
    for path in paths:
        data = read_bytes(path)
        pixels, geometry = prepare_pixels(decode(data, str(path)).pixels, size)
        origin = {"file": path.name, "sha256": sha256_bytes(data), "geometry": geometry.as_dict()}
        targets.append(Target(path.stem, pixels, origin))
    return _distinct(targets)


def prepared_targets(prepared: PreparedSet, image_ids: Sequence[str], size: int) -> list[Target]:
    """Films of a prepared set.

    Raises:
        BadInput: No such film, or films of another size.
    """
    if prepared.size != size:
        raise BadInput(
            f"The films of '{prepared.folder}' are {prepared.size} px; the generator's images are "
            f"{size} px.",
            hint=f"Give a set that was prepared with --size {size}, or the films' own files.",
        )
    known = set(prepared.table["image_id"].to_pylist())
    for image_id in image_ids:
        if image_id not in known:
            raise BadInput(
                f"The prepared set '{prepared.folder}' has no film '{image_id}'.",
                hint=f"Ids look like {min(known)}.",
            )
    rows = prepared.films(image_ids)
    targets = []
    for image_id in image_ids:
        row = rows[image_id]
        origin = {
            "image_id": image_id,
            "sha256": row["film_sha256"],
            "role": row["role"],
            "prepared_manifest": prepared.manifest.sha256,
        }
        targets.append(Target(image_id, decode_png(row["image"]["bytes"]), origin))
    return _distinct(targets)


def _distinct(targets: list[Target]) -> list[Target]:
    names = [target.name for target in targets]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(
                f"Two films are named '{name}'; each gets a folder of its name.",
                hint="Project them into different --out folders.",
            )
    return targets


def project_films(
    generator: LoadedGenerator,
    targets: Sequence[Target],
    out: Path,
    settings: ProjectionSettings,
    *,
    label: str | None = None,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> list[dict[str, Any]]:
    """Project films, each into the folder of its name below ``out``; return what each
    ``projection.json`` says, in order.

    Films that are there already, of equal settings, are kept: a call that was interrupted goes on
    with the film it was at.

    Raises:
        BadInput: ``out`` holds a projection of other settings, or as ``project_all``.
    """
    if out.exists() and not out.is_dir():
        raise BadInput(f"'{out}' is a file; a folder was expected.", hint="Choose another --out.")
    identities = {target.name: _identity(generator, target, settings, label) for target in targets}
    done = {
        target.name: about
        for target in targets
        if (about := _finished(out / target.name, identities[target.name])) is not None
    }
    missing = [target for target in targets if target.name not in done]
    images = [target.pixels for target in missing]

    def keep(part: range) -> SearchFile:
        films = [identities[missing[i].name] for i in part]
        return SearchFile(out / f".search-{sha256_json(films)[:16]}.safetensors", settings.steps)

    found: Iterator[Projection] = project_all(
        generator, images, settings, progress, label=label, workers=workers, keep=keep
    )
    for target, projection in zip(missing, found, strict=True):
        folder, identity = out / target.name, identities[target.name]
        done[target.name] = _write(folder, target, projection, identity)
        write_manifest(  # last: it says that everything is whole
            folder,
            KIND,
            settings={**asdict(settings), "label": identity["label"]},
            seed=settings.seed,
            inputs=(relative_input("file", generator.path, folder),),
            facts={"film": identity["film"], "distance": projection.distance},
        )
    for path in out.glob(".search-*"):
        path.unlink()
    return [done[target.name] for target in targets]


class SearchFile:
    """A search on disk, saved once a minute; its name says whose it is."""

    def __init__(self, path: Path, steps: int) -> None:
        self.path, self.steps = path, steps
        self._saved = time.monotonic()

    def load(self) -> dict[str, Tensor] | None:
        """What was saved last; ``None`` if nothing was, or if it cannot be read."""
        with contextlib.suppress(BadInput):
            tensors = read_tensors(self.path, SEARCH_FORMAT, "an unfinished projection").tensors
            if 0 < len(tensors["curve"]) < self.steps:
                return tensors
        return None

    def save(self, tensors: Callable[[], dict[str, Tensor]]) -> None:
        """Save, if the last time is long ago."""
        if time.monotonic() - self._saved >= SAVE_SECONDS:
            write_tensors(self.path, tensors(), {"format": SEARCH_FORMAT})
            self._saved = time.monotonic()


def _identity(
    generator: LoadedGenerator, target: Target, settings: ProjectionSettings, label: str | None
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "generator": generator.sha256,
        "label": label or generator.label,
        "resolution": generator.resolution,
        "device": generator.device.type,
        "film": {**target.origin, "pixel_sha256": target.pixel_sha256},
        "settings": asdict(settings),
    }


def _finished(folder: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """What the folder says, if it holds this projection; None if it is free."""
    path = folder / ABOUT
    if path.is_file():
        try:
            about = dict(json.loads(path.read_text()))
        except ValueError as error:
            raise BadInput(
                f"'{path}' is not valid JSON; it was changed by hand.", hint="Remove its folder."
            ) from error
        for key, value in json.loads(json.dumps(identity)).items():
            if about.get(key) != value:
                raise BadInput(
                    f"'{folder}' holds a projection with another {key}.",
                    hint="Choose another --out.",
                )
        if (folder / MANIFEST_NAME).is_file():
            return about
    ours = {ABOUT, LATENTS, IMAGE, SIDE_BY_SIDE}  # of a process that was killed between two of them
    if folder.exists() and not folder.is_dir():
        raise BadInput(
            f"'{folder}' is a file; a folder was expected.", hint="Choose another --out."
        )
    others = sorted(p.name for p in folder.glob("[!.]*") if p.name not in ours)
    if others:
        raise BadInput(
            f"'{folder}' holds other files ('{others[0]}', ...).", hint="Choose another --out."
        )
    return None


def _write(
    folder: Path, target: Target, projection: Projection, identity: dict[str, Any]
) -> dict[str, Any]:
    write_bytes(folder / IMAGE, encode_png(projection.image))
    difference = projection.image.astype(np.int16) - target.pixels + 128
    images = np.stack([target.pixels, projection.image, np.clip(difference, 0, 255)])
    sheet = labelled_sheet(
        images.astype(np.uint8)[None],
        [f"distance {projection.distance:.3f}"],
        ["film", "projection", "difference (grey: none)"],
    )
    write_bytes(folder / SIDE_BY_SIDE, encode_png(sheet))
    tensors = {"ws": projection.ws}
    tensors |= {f"noise.{i:02d}": one for i, one in enumerate(projection.noise_maps)}
    header = {
        "format": FORMAT,
        "generator": identity["generator"],
        "space": identity["settings"]["space"],
        "noise": identity["settings"]["noise"],
        "film_pixel_sha256": target.pixel_sha256,
    }
    write_tensors(folder / LATENTS, tensors, header)
    about = {
        **identity,
        "distance": projection.distance,
        "start_distance": projection.start_distance,
        "curve": [round(value, 6) for value in projection.curve],
    }
    write_json(folder / ABOUT, about)
    return about

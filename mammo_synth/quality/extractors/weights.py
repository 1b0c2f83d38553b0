"""Files of learned weights: found or fetched, checked, read without running code of theirs."""

from __future__ import annotations

import importlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file

TORCH_FILES = (".pth", ".pt", ".safetensors")
_PREFIX = re.compile(r"-([0-9a-f]{8,64})\.\w+$")
"""PyTorch's custom: a name ends in the first digits of the file's sha256."""


@dataclass(frozen=True)
class WeightsFile:
    """A local file of weights.

    Attributes:
        path: Where it lies.
        sha256: Of its content; its first digits are those in its name, if there are any.
        origin: Its name, or the address that it was fetched from.
    """

    path: Path
    sha256: str
    origin: str

    def described(self, licence: str) -> dict[str, Any]:
        """For a report: origin, sha256, licence."""
        return {"origin": self.origin, "sha256": self.sha256, "licence": licence}


def locate(
    weights: Path | str | None, what: str, endings: Collection[str], hint: str
) -> WeightsFile:
    """The weights of ``what``.

    Args:
        weights: A path, or an address (http or https), whose file is fetched once into torch's
            own cache and must then have the sha256 that its name says.
        what: The extractor.
        endings: How the file's name may end.
        hint: Where they are to be had.

    Raises:
        BadInput: There is none, it cannot be fetched, or its name says another sha256.
    """
    if weights is None:
        raise BadInput(f"The extractor '{what}' needs its weights; none were given.", hint=hint)
    origin = str(weights)
    if re.match(r"https?://", origin):
        path = _fetched(origin, hint)
    else:
        path = Path(weights)
        origin = path.name
    if not path.is_file() or path.suffix not in endings:
        raise BadInput(
            f"'{path}' is no file of weights; one that ends in {' or '.join(endings)} was "
            "expected.",
            hint=hint,
        )
    digest = sha256_file(path)
    said = _PREFIX.search(path.name)
    if said and not digest.startswith(said.group(1)):
        raise BadInput(
            f"'{path}' has the sha256 {digest}; its name says {said.group(1)}...",
            hint="It is damaged or not what it says: fetch it again.",
        )
    return WeightsFile(path, digest, origin)


def _fetched(address: str, hint: str) -> Path:
    name = address.rpartition("/")[2]
    said = _PREFIX.search(name)
    if said is None:
        raise BadInput(
            f"'{address}' does not end in a file name with the first digits of its sha256 "
            "(NAME-0123abcd.pth), so what comes could not be checked.",
            hint="Fetch the file yourself, check it, and give its path.",
        )
    hub: Any = importlib.import_module("torch.hub")
    path = Path(hub.get_dir()) / "checkpoints" / name
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            hub.download_url_to_file(address, str(path), said.group(1), progress=False)
        except (OSError, RuntimeError, ValueError) as error:
            raise BadInput(f"'{address}' could not be fetched ({error}).", hint=hint) from error
    return path


def read_state(path: Path) -> dict[str, Any]:
    """Tensors by name of a safetensors file or of a PyTorch state dict.

    The latter goes through this package's own reader, which builds tensors and dictionaries and
    calls nothing in the file.

    Raises:
        BadInput: It is neither.
    """
    reader: Any = importlib.import_module("mammo_synth.gan.legacy.state_dict")
    try:
        if path.suffix == ".safetensors":
            return dict(importlib.import_module("safetensors.torch").load_file(path))
        return dict(reader.read_state_dict(path))
    except Exception as error:  # safetensors raises many kinds for files that are none
        first = (str(error).strip().splitlines() or ["no details"])[0][:200]
        raise BadInput(
            f"'{path}' cannot be read as weights ({type(error).__name__}: {first}).",
            hint="Give a .safetensors file, or a .pth file that holds a state dict and nothing "
            "else: save model.state_dict(), not the model.",
        ) from error


def load_state(network: Any, state: Mapping[str, Any], path: Path, what: str) -> None:
    """Put ``state`` into ``network``: every tensor, in its shape, and no other.

    Counters of batch normalisation (``num_batches_tracked``) play no part in evaluation and may
    be there or not.

    Raises:
        BadInput: Names or shapes differ.
    """
    torch: Any = importlib.import_module("torch")
    counters = "num_batches_tracked"
    given = {k: v.to(torch.float32) for k, v in state.items() if not k.endswith(counters)}
    wanted = {k: v for k, v in network.state_dict().items() if not k.endswith(counters)}
    missing, extra = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    other = sorted(k for k in wanted.keys() & given.keys() if wanted[k].shape != given[k].shape)
    for names, words in ((missing, "lacks"), (extra, "has beside them")):
        if names:
            raise BadInput(
                f"'{path}' does not hold the weights of {what}: it {words} {_some(names)}.",
                hint="Give the weights of this very network.",
            )
    if other:
        name = other[0]
        raise BadInput(
            f"'{path}' does not hold the weights of {what}: '{name}' is "
            f"{tuple(given[name].shape)}, {tuple(wanted[name].shape)} was expected.",
            hint="Give the weights of this very network.",
        )
    network.load_state_dict(given, strict=False)


def _some(names: list[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names[:3])
    return listed if len(names) <= 3 else f"{listed} and {len(names) - 3} more"

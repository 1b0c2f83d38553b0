"""Any network of ``timm`` as an extractor: its pooled features before the classifier."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.files import sha256_bytes
from mammo_synth.quality.extractors.network import NetworkExtractor, torch_device
from mammo_synth.quality.extractors.preparation import Normalisation
from mammo_synth.quality.extractors.weights import TORCH_FILES, load_state, locate, read_state

PREFIX = "timm:"
HINT = "Without a network give a local copy of its weights with --weights."


def timm_model(name: str, weights: Path | str | None, device: str) -> NetworkExtractor:
    """The extractor ``timm:NAME``.

    Args:
        name: As ``timm.list_models`` has it.
        weights: A state dict of the network without its classifier, or with it; None: those that
            timm fetches.
        device: auto, cpu or cuda.

    Raises:
        BadInput: timm is not installed, an unknown name, weights that cannot be had or do not fit.
    """
    if importlib.util.find_spec("timm") is None:
        raise BadInput(
            "Networks of timm need the package timm, which is not installed.",
            hint="pip install timm (it brings torchvision along).",
        )
    timm: Any = importlib.import_module("timm")
    place = torch_device(device)
    known = timm.list_models()
    if name.partition(".")[0] not in known:
        raise BadInput(f"timm has no network '{name}'.", hint=_meant(name, known))
    described = {"origin": f"timm {name}", "licence": "see the network's page"}
    try:
        network = timm.create_model(name, pretrained=weights is None, num_classes=0)
    except (OSError, RuntimeError, ValueError) as error:
        raise BadInput(f"'{name}' of timm cannot be had ({error}).", hint=HINT) from error
    if weights is not None:
        found = locate(weights, PREFIX + name, TORCH_FILES, HINT)
        state = read_state(found.path)
        own = network.state_dict()
        head = str(getattr(network, "default_cfg", {}).get("classifier", "")) + "."
        kept = {k: v for k, v in state.items() if k in own or not k.startswith(head)}
        load_state(network, kept, found.path, name)
        described = found.described("of the file given")
    else:
        described["sha256"] = _state_sha256(network.state_dict())
    settings = timm.data.resolve_model_data_config(network)
    return NetworkExtractor(
        PREFIX + name,
        int(network.num_features),
        described,
        network.eval().to(place),
        int(settings["input_size"][-1]),
        Normalisation.of_unit(settings["mean"], settings["std"]),
        place,
    )


def _meant(name: str, known: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, n=3)
    return f"Did you mean {', '.join(near)}?" if near else did_you_mean(name, known[:20])


def _state_sha256(state: dict[str, Any]) -> str:
    """Digest of tensors by name, shape and content."""
    parts = {
        name: [list(value.shape), sha256_bytes(value.cpu().numpy().tobytes())]
        for name, value in state.items()
    }
    return sha256_bytes(json.dumps(parts, sort_keys=True).encode())

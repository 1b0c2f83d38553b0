"""What extractors on PyTorch have in common: device, batches, a stated input."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mammo_synth.batches import in_batches
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_json
from mammo_synth.quality.extractors.preparation import Normalisation, resized
from mammo_synth.quality.feature_cache import Rows
from mammo_synth.quality.features import Images

VERSION = 1
BATCH = 32
"""Images per pass. Every pass has this many (the last is filled up), so an image's features do not
depend on how many others there are."""


def torch_device(name: str) -> Any:
    """auto, cpu or cuda as torch's device.

    Raises:
        BadInput: An unknown name, or CUDA that torch does not see.
    """
    devices: Any = importlib.import_module("mammo_synth.gan.devices")
    return devices.resolve_device(name)


@dataclass(frozen=True)
class NetworkExtractor:
    """A network of PyTorch in evaluation mode as an extractor.

    Attributes:
        name: Of the extractor.
        dimension: Numbers of a row.
        weights: Origin, sha256, licence.
        network: float32 [B, C, side, side] to features [B, D].
        side: Of its input, px.
        normalisation: Of its input.
        device: torch's.
        version: Of what the extractor does, beside its weights.
    """

    name: str
    dimension: int
    weights: dict[str, Any]
    network: Callable[[Any], Any]
    side: int
    normalisation: Normalisation
    device: Any
    version: int = VERSION

    @property
    def digest(self) -> str:
        """Of name, version, weights, side and normalisation; not of the device."""
        return sha256_json(
            {
                "name": self.name,
                "version": self.version,
                "weights": self.weights.get("sha256"),
                "side": self.side,
                "mean": self.normalisation.mean,
                "deviation": self.normalisation.deviation,
            }
        )

    def __call__(self, images: Images) -> Rows:
        """float32 [N, D] of uint8 [N, S, S].

        Raises:
            BadInput: The device's memory does not suffice.
        """
        return in_batches(self._batch, images, BATCH)

    def _batch(self, images: Images) -> Rows:
        torch: Any = importlib.import_module("torch")
        x = torch.from_numpy(self.normalisation(resized(images, self.side)))
        # The same every time, also on an accelerator: no search for the fastest kernel, no TF32.
        exact = torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        )
        try:
            with exact, torch.inference_mode():
                features = self.network(x.to(self.device))
        except torch.OutOfMemoryError as error:
            raise BadInput(
                f"The memory of the device ({self.device}) does not suffice for {BATCH} images of "
                f"{self.side} px through '{self.name}'.",
                hint="Use --device cpu, or another extractor.",
            ) from error
        return np.asarray(features.float().cpu().numpy(), np.float32)

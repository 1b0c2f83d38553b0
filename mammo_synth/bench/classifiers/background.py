"""Control: a classifier that sees everything but the breast.

What it learns, it learns from the background: marks on the film, scanner noise, the fingerprint of
a generator. It must score at chance; a classifier of a release on which it does not may live on
the same leak.

The breast is found on the image as the network sees it, after it was reduced:

1. background level: the 5th percentile of the grey levels, at most `MOST_BACKGROUND`;
2. bright: more than ``breast_threshold`` grey levels above it;
3. breast: the largest component of bright pixels (8-connected), its holes filled;
4. grown by ``breast_grow`` px in every direction: the filter of the reduction carries grey levels
   that far (3 px for Lanczos), and skin is darker than the threshold.

Everything inside becomes 0, the black of a prepared film. Of films prepared with the frame
``breast``, which are black outside it, next to nothing is left, and that is the point; with
the frame ``film`` the background is the film's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from mammo_synth.bench.classifiers.base import Classifier, History, Images, Part
from mammo_synth.bench.classifiers.checkpoint import Resumable
from mammo_synth.bench.classifiers.features import image_keys
from mammo_synth.bench.classifiers.simple import LogisticSettings
from mammo_synth.bench.classifiers.vgg16_network import VGG16Settings
from mammo_synth.bench.recipes import CommonSettings, setting
from mammo_synth.bench.record import Weights
from mammo_synth.bench.resampling import Floats
from mammo_synth.progress import Progress
from mammo_synth.radiomics import breast


@dataclass(frozen=True, kw_only=True)
class BlankSettings(CommonSettings):
    """Which network, and how the breast is found.

    Attributes:
        network: The classifier that sees the background; its settings stand beside this one.
        breast_threshold: Grey levels above the background.
        breast_grow: px of the reduced image.
    """

    network: str = setting(choices=("vgg16", "logistic-regression"))
    breast_threshold: int = setting(low=1, high=254)
    breast_grow: int = setting(low=0, high=256)


@dataclass(frozen=True, kw_only=True)
class BackgroundVGG16Settings(BlankSettings, VGG16Settings):
    """With all settings of VGG16."""


@dataclass(frozen=True, kw_only=True)
class BackgroundLogisticSettings(BlankSettings, LogisticSettings):
    """With all settings of logistic regression."""


BACKGROUND_SETTINGS: dict[str, type[CommonSettings]] = {
    "vgg16": BackgroundVGG16Settings,
    "logistic-regression": BackgroundLogisticSettings,
}


def blank(images: Images, threshold: int, grow: int) -> Images:
    """``images`` with the breast at 0, by the rule above.

    Args:
        images: uint8 [N, S, S].
        threshold: Grey levels above the background.
        grow: px.

    Returns:
        uint8 [N, S, S], new.
    """
    blanked = np.empty_like(images)
    for i, image in enumerate(images):
        mask = ndimage.maximum_filter(breast(image, threshold), 2 * grow + 1, mode="constant")
        blanked[i] = np.where(mask, 0, image)
    return blanked


class BackgroundOnly:
    """A network that sees each film with the breast blanked out.

    Args:
        settings: How the breast is found.
        inner: The network.
    """

    def __init__(self, settings: BlankSettings, inner: Classifier) -> None:
        self._settings, self._inner = settings, inner

    @property
    def resumable(self) -> bool:
        """Whether the network keeps its state after every epoch."""
        return isinstance(self._inner, Resumable) and self._inner.resumable

    def fit(
        self,
        train: Part,
        validation: Part,
        *,
        seed: int,
        progress: Progress,
        checkpoint: Path | None = None,
    ) -> History:
        """Blank, and fit the network; ``checkpoint`` as in `Resumable`."""
        parts = [Part(self._blank(part.images), part.label) for part in (train, validation)]
        if isinstance(self._inner, Resumable):
            return self._inner.fit(*parts, seed=seed, progress=progress, checkpoint=checkpoint)
        return self._inner.fit(*parts, seed=seed, progress=progress)

    def predict_proba(self, images: Images) -> Floats:
        """Probability of cancer, float64 [N], from the background.

        Most backgrounds are black, and equal images must have equal scores: a network's last bits
        depend on the place in a batch, rows come grouped by class, and a ranking by those bits has
        been seen to reach an AUROC of 0.69. So every different image is predicted once.
        """
        blanked = self._blank(images)
        keys = image_keys(blanked)
        first = {key: i for i, key in reversed(list(enumerate(keys)))}
        scores = self._inner.predict_proba(blanked[list(first.values())])
        by_key = dict(zip(first, scores, strict=True))
        return np.array([by_key[key] for key in keys], np.float64)

    def _blank(self, images: Images) -> Images:
        return blank(images, self._settings.breast_threshold, self._settings.breast_grow)

    @property
    def weights(self) -> Weights:
        """Of the network."""
        return self._inner.weights

    @property
    def parameters(self) -> int | None:
        """Of the network."""
        return self._inner.parameters

    @property
    def backend(self) -> str | None:
        """Of the network."""
        return self._inner.backend

    @property
    def device(self) -> str:
        """Of the network."""
        return self._inner.device

    @property
    def packages(self) -> tuple[str, ...]:
        """Of the network, and scipy, which finds the breast."""
        return (*self._inner.packages, "scipy")

    @property
    def features_cached(self) -> bool | None:
        """Of the network."""
        return self._inner.features_cached

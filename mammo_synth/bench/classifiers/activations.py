"""Activations at the frozen boundary of one network: what they take, said before they are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mammo_synth.batches import in_batches
from mammo_synth.bench.classifiers.base import GIB, Images, Options
from mammo_synth.bench.classifiers.feature_file import Features
from mammo_synth.bench.classifiers.features import FeatureStore, bytes_each, image_keys
from mammo_synth.bench.classifiers.images import resize
from mammo_synth.bench.classifiers.vgg16_network import Network, VGG16Settings, caffe, frozen_shape
from mammo_synth.bench.recipes import CommonSettings
from mammo_synth.bench.resampling import Integers
from mammo_synth.errors import BadInput, NoSpace
from mammo_synth.progress import Progress


@dataclass(frozen=True)
class Prepared:
    """Images at the network's size, with their keys; indexed, what the trainable part sees."""

    images: Images
    keys: list[bytes]
    activations: Activations

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Integers) -> Features:
        """Float32 [len(rows), ...]."""
        return self.activations.get(self, rows)


class Activations:
    """Gives the trainable part its inputs: kept, computed, or, where every layer learns, the
    preprocessed images themselves.

    Args:
        network: Both parts.
        settings: Of the recipe.
        options: Bound and folder of what is kept.
        backend: Keras' backend: its rounding is part of the features.

    Raises:
        BadInput: An unknown precision of what is kept.
    """

    def __init__(
        self, network: Network, settings: VGG16Settings, options: Options, backend: str
    ) -> None:
        self._network, self._settings, self._options = network, settings, options
        if options.cache_precision not in ("float16", "float32"):
            raise BadInput(
                f"Activations cannot be kept as '{options.cache_precision}'; float16 or float32 "
                f"was expected.",
                hint="Leave --cache-precision out for float16.",
            )
        self._protected: list[bytes] = []
        self.keep = False
        self.store = FeatureStore(
            self._frozen,
            network.feature_shape,
            options.cache_bytes if options.cache_features else 0,
            options.cache_precision == "float16",
            options.cache_folder,
            {
                "network": "vgg16",
                "weights_sha256": network.weights_sha256,
                "boundary": network.boundary,
                "input_size": settings.input_size,
                "resize_filter": settings.resize_filter,
                "channels": settings.channels,
                "preprocessing": settings.preprocessing,
                "precision": settings.precision,
                "kept_as": options.cache_precision,
                "backend": backend,
            },
        )

    @property
    def cached(self) -> bool | None:
        """Whether the last fit kept activations; None where every layer learns."""
        return None if self._network.frozen is None else self.keep

    def prepare(self, images: Images) -> Prepared:
        """Bring uint8 [N, S, S] to the network's size."""
        small = resize(images, self._settings.input_size, self._settings.resize_filter)
        return Prepared(small, image_keys(small), self)

    def begin(self, parts: Sequence[Prepared], progress: Progress) -> None:
        """Make room for a training on ``parts`` and compute what is not there.

        Raises:
            BadInput: The cache folder cannot be written.
        """
        self._protected = [key for part in parts for key in part.keys]
        wanted = self._options.cache_features and self._network.frozen is not None
        self.keep = wanted and self._hold(parts, progress, training=True)

    def hold(self, part: Prepared, progress: Progress) -> None:
        """Keep what is not there of images to predict, if they fit beside those of the training."""
        if self.keep and self.store.missing(part.keys):
            self._hold([part], progress, training=False)

    def get(self, part: Prepared, rows: Integers) -> Features:
        """Inputs of the trainable part, float32 [len(rows), ...]."""
        if self._network.frozen is None:
            return caffe(part.images[rows])
        return self.store.get(part.images[rows], [part.keys[i] for i in rows], self.keep)

    def _hold(self, parts: Sequence[Prepared], progress: Progress, training: bool) -> bool:
        """Whether ``parts`` are kept now."""
        store, keys = self.store, [key for part in parts for key in part.keys]
        every = self._protected if training else self._protected + keys
        precision = self._options.cache_precision
        size = gib(len(set(every)) * store.bytes_each)
        bound = gib(store.limit)
        where = f"'{store.folder}'" if store.folder else "memory"
        if not store.make_room(every):
            if training:
                progress.say(
                    f"The activations of the frozen layers would take {size}: more than the bound "
                    f"({bound}; --cache-gib) or than {where} has left. They are computed again in "
                    f"every epoch."
                )
            return False
        missing = store.missing(keys)
        if not missing:
            return True
        progress.say(
            f"Activations of the frozen layers: {gib(missing * store.bytes_each)} for {missing} "
            f"images more, {size} in all, {precision}, in {where} (bound {bound})."
        )
        progress.start("frozen layers of vgg16", missing)
        try:
            for part in parts:
                store.fill(part.images, part.keys, progress)
        except NoSpace as error:
            progress.say(f"{error} They are computed again in every epoch.")
            return False
        finally:
            progress.finish()
        return True

    def _frozen(self, images: Images) -> Features:
        outputs: Any = self._network.frozen.predict_on_batch(caffe(images))
        return np.asarray(outputs).astype(np.float32, copy=False)


def kept_bytes(settings: CommonSettings, options: Options) -> int | None:
    """Bytes that the kept activations of one image will take, before anything is built; None for a
    classifier that keeps none."""
    if not isinstance(settings, VGG16Settings) or not options.cache_features:
        return None
    shape = frozen_shape(settings)
    return None if shape is None else bytes_each(shape, options.cache_precision == "float16")


def in_large_batches(compute: Any, features: Features, size: int, step: int) -> Features:
    """``compute`` over batches of ``size`` rows, what is left filled up to a multiple of ``step``:
    few sizes, so few compiled functions, and little is computed for nothing."""
    whole = len(features) // size * size
    parts = [compute(features[i : i + size]) for i in range(0, whole, size)]
    left = features[whole:]
    if len(left):
        parts.append(in_batches(compute, left, -(-len(left) // step) * step))
    return np.concatenate(parts)


def gib(size: int) -> str:
    """Bytes in words."""
    return f"{size / GIB:.1f} GiB" if size >= GIB / 10 else f"{size / 2**20:.1f} MiB"

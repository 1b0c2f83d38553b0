"""VGG16 (Simonyan & Zisserman 2015) in two parts: frozen layers, and the part that learns.

The frozen part never changes, so it is run apart from training; its output, the features, is the
input of the trainable part: the last VGG16 layers and the head
Flatten - Dense relu ... - Dropout - Dense 1 sigmoid.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.classifiers.adam import adam
from mammo_synth.bench.classifiers.base import Images, Options
from mammo_synth.bench.classifiers.images import FILTERS
from mammo_synth.bench.classifiers.keras_backend import counts, forget, optimizer_start
from mammo_synth.bench.classifiers.schedule import Schedule
from mammo_synth.bench.recipes import CommonSettings, setting
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.keras_applications import arrays_sha256

Arrays = list[npt.NDArray[np.float32]]

BASE_LAYERS = 19
"""Layers of Keras' VGG16 without its head: input, 13 convolutions, 5 poolings."""
_BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
"""Convolutions of each block, and their channels; a pooling by 2 follows."""
ALL_LAYERS = BASE_LAYERS - 1
"""``trainable_layers`` of a network that learns as a whole: there is nothing to keep then."""
RANDOM_WEIGHTS_SEED = 16
"""`random` weights are one fixed network, so that replicates differ in what is trained only."""
GREY_LEVEL_UNIT = 64.0
"""Grey levels that `random` weights take as 1: about the deviation of a film's pixels."""
CAFFE_MEANS_BGR = (103.939, 116.779, 123.68)
"""Means of ImageNet's blue, green and red, as VGG16 was trained with them."""


@dataclass(frozen=True, kw_only=True)
class VGG16Settings(CommonSettings):
    """Settings of the VGG16 classifier; `benchmarks/recipes/vgg16.toml` explains each."""

    input_size: int = setting(low=32, high=1024)
    resize_filter: str = setting(choices=FILTERS)
    channels: str = setting(choices=("grey repeated to 3",))
    preprocessing: str = setting(choices=("caffe",))
    weights: str = setting(choices=("imagenet", "file", "random"))
    weights_sha256: str = setting()
    trainable_layers: int = setting(low=0, high=ALL_LAYERS)
    head: tuple[int, ...] = setting(low=1)
    head_activation: str = setting(choices=("relu",))
    dropout: float = setting(low=0.0, high=0.99)
    output: str = setting(choices=("sigmoid",))
    loss: str = setting(choices=("binary cross-entropy",))
    optimizer: str = setting(choices=("adam",))
    learning_rate: float = setting(low=1e-9, high=1.0)
    beta_1: float = setting(low=0.0, high=0.999999)
    beta_2: float = setting(low=0.0, high=0.999999)
    epsilon: float = setting(low=1e-12)
    precision: str = setting(choices=("float32", "mixed_bfloat16", "mixed_float16"))
    batch_size: int = setting(low=1)
    epochs: int = setting(low=1)
    shuffle: bool = setting()
    early_stopping: bool = setting()
    monitor: str = setting(choices=("val_loss", "val_accuracy"))
    patience: int = setting(low=0)
    min_delta: float = setting(low=0.0)
    restore_best: bool = setting()

    @property
    def schedule(self) -> Schedule:
        """Of the training."""
        return Schedule(
            batch_size=self.batch_size,
            epochs=self.epochs,
            shuffle=self.shuffle,
            early_stopping=self.early_stopping,
            monitor=self.monitor,
            patience=self.patience,
            min_delta=self.min_delta,
            restore_best=self.restore_best,
        )


def frozen_shape(settings: VGG16Settings) -> tuple[int, int, int] | None:
    """Shape of one image's activations at the frozen boundary, without building the network; None
    where every layer learns."""
    side = settings.input_size
    shapes = [(side, side, 3)]
    for convolutions, channels in _BLOCKS:
        shapes += [(side, side, channels)] * convolutions
        side //= 2
        shapes.append((side, side, channels))
    last = BASE_LAYERS - settings.trainable_layers - 1
    return shapes[last] if settings.trainable_layers < ALL_LAYERS else None


def caffe(images: Images) -> npt.NDArray[np.float32]:
    """Grey uint8 [N, S, S] in 0..255 to float32 [N, S, S, 3]: channels repeated, BGR means
    subtracted, not scaled."""
    means = np.array(CAFFE_MEANS_BGR, np.float32)
    return images[..., None].astype(np.float32) - means


@dataclass
class Network:
    """Both parts, compiled, with what is needed to begin anew.

    Attributes:
        frozen: float32 [N, s, s, 3] to features [N, ...]; None where every layer learns.
        top: Features to p_cancer [N, 1].
        boundary: Name of the last frozen layer.
        initial: First weights of the base layers inside ``top``, in the order of its weights.
        optimizer_start: As from `mammo_synth.bench.classifiers.keras_backend.optimizer_start`.
        weights_sha256: Digest of all 26 arrays of the base, whatever file they came from.
        parameters: Of both parts.
    """

    frozen: Any
    top: Any
    boundary: str
    initial: Arrays
    optimizer_start: dict[str, npt.NDArray[Any]]
    weights_sha256: str
    parameters: int

    @property
    def feature_shape(self) -> tuple[int, ...]:
        """Shape of one image's features."""
        return tuple(int(n) for n in self.top.input_shape[1:])


def build_network(keras: Any, settings: VGG16Settings, options: Options) -> Network:
    """Build, load the first weights and compile.

    Raises:
        BadInput: The weights cannot be had, do not fit, or have another sha256.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(settings.precision)
    try:
        base = keras.applications.VGG16(
            include_top=False, weights=None, input_shape=(settings.input_size,) * 2 + (3,)
        )
        _load_weights(keras, base, settings, options)
        return _cut(keras, base, settings, options)
    finally:
        keras.config.set_dtype_policy(before)


def _cut(keras: Any, base: Any, settings: VGG16Settings, options: Options) -> Network:
    """Cut the base before its last trainable layers and put the head on."""
    layers = base.layers
    boundary = len(layers) - settings.trainable_layers
    features = layers[boundary - 1].output
    frozen = None
    if settings.trainable_layers < ALL_LAYERS:
        frozen = keras.Model(base.inputs[0], features, name="frozen")
        frozen.trainable = False
        frozen.jit_compile = options.xla
    inputs = keras.Input(features.shape[1:], name="features")
    x = inputs
    for layer in layers[boundary:]:
        x = layer(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for i, width in enumerate(settings.head):
        x = keras.layers.Dense(width, activation=settings.head_activation, name=f"head_{i}")(x)
    x = keras.layers.Dropout(settings.dropout, seed=0, name="dropout")(x)
    # The last layer stays in float32: a sigmoid in bfloat16 has few distinct values.
    x = keras.layers.Dense(1, activation=settings.output, name="p_cancer", dtype="float32")(x)
    top = keras.Model(inputs, x, name="top")
    top.compile(
        optimizer=adam(
            keras, settings.learning_rate, settings.beta_1, settings.beta_2, settings.epsilon
        ),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=counts(keras),
        jit_compile=options.xla,
    )
    top.optimizer.build(top.trainable_variables)
    count = sum(len(layer.weights) for layer in layers[boundary:])
    return Network(
        frozen=frozen,
        top=top,
        boundary=layers[boundary - 1].name if frozen is not None else "input",
        initial=[np.array(array) for array in top.get_weights()[:count]],
        optimizer_start=optimizer_start(keras, top),
        weights_sha256=arrays_sha256(base.get_weights()),
        parameters=(frozen.count_params() if frozen is not None else 0) + top.count_params(),
    )


def begin(keras: Any, network: Network, seed: int) -> None:
    """Put the trainable part back to its start: first weights, a head drawn from ``seed``, an
    optimiser without memory. The compiled functions stay.

    The head is drawn with NumPy (Glorot & Bengio 2010, uniform; biases 0), so that it is the same
    under every backend.
    """
    generator = np.random.default_rng([seed, 0])
    arrays = list(network.initial)
    for shape in [weight.shape for weight in network.top.weights[len(arrays) :]]:
        if len(shape) == 2:
            limit = np.sqrt(6 / sum(shape))
            arrays.append(generator.uniform(-limit, limit, tuple(shape)).astype(np.float32))
        else:
            arrays.append(np.zeros(tuple(shape), np.float32))
    network.top.set_weights(arrays)
    forget(keras, network.top, network.optimizer_start, seed)


def _load_weights(keras: Any, base: Any, settings: VGG16Settings, options: Options) -> None:
    if settings.weights == "random":
        base.set_weights(random_weights([array.shape for array in base.get_weights()]))
    elif settings.weights == "imagenet":
        base.set_weights(_imagenet(keras))
    else:
        _load_file(base, settings, options)


def random_weights(shapes: list[tuple[int, ...]]) -> Arrays:
    """He-uniform kernels (He et al. 2015, the signal keeps its size through relu) and zero
    biases, of one fixed seed; the first kernel also brings grey levels to about unit size."""
    generator = np.random.default_rng(RANDOM_WEIGHTS_SEED)
    arrays = []
    for shape in shapes:
        limit = np.sqrt(6 / np.prod(shape[:-1])) if len(shape) > 1 else 0.0
        arrays.append(generator.uniform(-limit, limit, shape).astype(np.float32))
    arrays[0] /= GREY_LEVEL_UNIT
    return arrays


def _imagenet(keras: Any) -> Arrays:
    """ImageNet weights through Keras' own download (it checks them and keeps a copy)."""
    try:
        # Keras reports its download on stdout, which is for results.
        with contextlib.redirect_stdout(sys.stderr):
            base = keras.applications.VGG16(include_top=False, weights="imagenet")
        weights = base.get_weights()
    except Exception as error:  # Keras raises a bare Exception where the download fails
        raise BadInput(
            f"The ImageNet weights of VGG16 could not be downloaded ({error}).",
            hint="Give a local copy with --weights FILE.h5, or try the flow with --weights random.",
        ) from error
    return list(weights)


def _load_file(base: Any, settings: VGG16Settings, options: Options) -> None:
    path = options.weights_file
    if path is None:
        raise BadInput(
            'The recipe says weights = "file" and no file was given.',
            hint="Add --weights FILE (VGG16 without its head: .h5, .weights.h5 or .keras).",
        )
    if not path.is_file() or path.suffix not in (".h5", ".keras"):
        raise BadInput(
            f"'{path}' is not a weights file; an existing .h5, .weights.h5 or .keras was expected.",
            hint="Check the path.",
        )
    digest = sha256_file(path)
    if settings.weights_sha256 not in ("", digest):
        raise BadInput(
            f"'{path}' has the sha256 {digest}; the recipe expects {settings.weights_sha256}.",
            hint="Use the file that the recipe means, or change weights_sha256.",
        )
    try:
        base.load_weights(str(path))
    except Exception as error:  # h5py and Keras raise many kinds for files that do not fit
        first = str(error).strip().splitlines()[0][:200] if str(error).strip() else "no details"
        raise BadInput(
            f"'{path}' does not hold the weights of VGG16 without its head "
            f"({type(error).__name__}: {first}).",
            hint="The file Keras itself downloads ends in ..._kernels_notop.h5.",
        ) from error

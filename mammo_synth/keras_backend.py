"""Keras, imported once, quietly, with a backend that is there."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from mammo_synth.errors import BadInput

REFERENCE_BACKEND = "tensorflow"
BACKENDS = ("tensorflow", "torch", "jax")


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what native code writes to stderr; show it if the body fails.

    TensorFlow's start-up lines come from C++ and pass sys.stderr by, so the file descriptor
    itself is pointed elsewhere.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def load_keras(*, xla: bool = False) -> Any:
    """Import Keras with the backend that ``KERAS_BACKEND`` names, TensorFlow if it names none.

    Args:
        xla: Networks will be compiled with XLA. Keras then wants TensorFlow without its switch
            that makes equal seeds give equal results, and that is set once in a process.

    Raises:
        BadInput: The backend is unknown, not installed, or set up otherwise already.
    """
    keras = _load_keras(xla)
    name = keras.backend.backend()
    if not xla:
        return keras
    if name == "torch":
        raise BadInput(
            "XLA does not compile PyTorch.",
            hint="Leave --xla out, or use KERAS_BACKEND=tensorflow.",
        )
    if name == "tensorflow" and _deterministic():
        raise BadInput(
            "TensorFlow was set up for repeatable results in this process; XLA needs it without.",
            hint="Use XLA in a process of its own.",
        )
    return keras


def _deterministic() -> bool:
    """Whether TensorFlow is set up so that equal seeds give equal results."""
    config = importlib.import_module("tensorflow.python.framework.config")
    return bool(config.is_op_determinism_enabled())


@functools.cache
def _load_keras(xla: bool) -> Any:
    name = os.environ.setdefault("KERAS_BACKEND", REFERENCE_BACKEND)
    if name not in BACKENDS:
        raise BadInput(
            f"KERAS_BACKEND is '{name}'; one of {', '.join(BACKENDS)} was expected.",
            hint=f"Unset it for the reference backend, {REFERENCE_BACKEND}.",
        )
    if name not in sys.modules and importlib.util.find_spec(name) is None:
        raise BadInput(
            f"The Keras backend '{name}' is not installed.",
            hint="Install it (`pip install 'mammo-synth[cpu]'` or `[tensorflow]`), or run with "
            "KERAS_BACKEND=torch: a little slower on CPU, nothing more to install.",
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_stderr():
        keras = importlib.import_module("keras")
        if keras.backend.backend() != name:
            # Another part of the process imported Keras first; what runs is what is recorded.
            name = keras.backend.backend()
        keras.config.set_image_data_format("channels_last")
        if name == "tensorflow":
            _prepare_tensorflow(deterministic=not xla)
        keras.ops.convert_to_numpy(keras.ops.matmul(keras.ops.ones((2, 2)), keras.ops.ones((2, 2))))
    return keras


def _prepare_tensorflow(deterministic: bool) -> None:
    """Equal seeds give equal results; GPU memory is taken as needed, not all at once."""
    tf = importlib.import_module("tensorflow")
    tf.get_logger().setLevel("ERROR")  # it warns of every second network that is compiled anew
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    for gpu in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # already in use: then it cannot be changed
            tf.config.experimental.set_memory_growth(gpu, True)


def has_gpu(keras: Any) -> bool:
    """Whether the backend sees a CUDA device."""
    if keras.backend.backend() == "tensorflow":
        tf = importlib.import_module("tensorflow")
        return bool(tf.config.list_physical_devices("GPU"))
    if keras.backend.backend() == "torch":
        return bool(importlib.import_module("torch").cuda.is_available())
    return any(d.platform == "gpu" for d in importlib.import_module("jax").devices())


def resolve_device(keras: Any, device: str) -> str:
    """``cpu`` or ``cuda`` from auto, cpu or cuda.

    Raises:
        BadInput: Another word, or CUDA that the backend does not see.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise BadInput(
            f"There is no device '{device}'; auto, cpu or cuda was expected.",
            hint="Leave --device out to use a GPU where there is one.",
        )
    if device == "cpu":
        return "cpu"
    if has_gpu(keras):
        return "cuda"
    if device == "cuda":
        raise BadInput(
            f"The Keras backend {keras.backend.backend()} sees no CUDA device.",
            hint="Use --device cpu, or install the backend's CUDA build.",
        )
    return "cpu"


def device_scope(keras: Any, device: str) -> Any:
    """Context in which Keras places its tensors on ``cpu`` or ``cuda``."""
    if (device == "cuda") == has_gpu(keras):
        return contextlib.nullcontext()  # the backend's own choice already
    return keras.device("cpu" if keras.backend.backend() == "torch" else "cpu:0")


def as_arrays(keras: Any, variables: list[Any]) -> list[Any]:
    """What ``variables`` hold now, as NumPy arrays that later updates do not change.

    TensorFlow lends its memory on a processor and copies when it updates what was lent.
    """
    if keras.backend.backend() != "tensorflow":
        return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    values = [variable.value.read_value() for variable in variables]
    return [np.asarray(memoryview(v)) if "CPU" in v.device else v.numpy() for v in values]


@contextlib.contextmanager
def memory_errors(device: str, batch: int | None, *, training: bool) -> Iterator[None]:
    """Turn a framework's out-of-memory error into one that says what to try.

    Args:
        device: In words.
        batch: Images in a batch; None while the network itself is brought there.
        training: Whether the recipe's batch_size counts here.

    Raises:
        BadInput: Memory ran out.
    """
    try:
        yield
    except Exception as error:  # each framework has a class of its own
        if not _is_out_of_memory(error):
            raise
        if batch is None:
            raise BadInput(
                f"The memory of the device ({device}) does not suffice for the network.",
                hint="See what else holds its memory (nvidia-smi), or use --device cpu.",
            ) from error
        smaller = max(1, batch // 2)
        raise BadInput(
            f"The memory of the device ({device}) does not suffice for {batch} images at a time.",
            hint=f"Try --set batch_size={smaller}, a smaller input_size, or --device cpu."
            if training and batch > 1
            else "Try a smaller input_size (--set input_size=...), or --device cpu.",
        ) from error


def _is_out_of_memory(error: Exception) -> bool:
    """TensorFlow's ResourceExhaustedError, PyTorch's OutOfMemoryError, Python's own, or what XLA,
    CUDA, cuDNN and cuBLAS say in the text of a general error."""
    names = {kind.__name__ for kind in type(error).__mro__}
    known = {"ResourceExhaustedError", "OutOfMemoryError", "MemoryError"}
    said = ("RESOURCE_EXHAUSTED", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")
    return bool(names & known) or any(words in str(error) for words in said)

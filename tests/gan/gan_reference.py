"""Pickles laid out like the reference's, written by stand-ins of our own.

The classes below carry the names that such a pickle mentions (``torch_utils.persistence`` and
``dnnlib.util`` exist only while one is written) and hold the reference's weights from
tests/golden. The source text in them would end the test run if anything ran it.
"""

from __future__ import annotations

import contextlib
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.gan.gan_golden import meta, state

SOURCE = "raise SystemExit('the source text in a pickle was run')\n"


def _reconstruct_persistent_obj(meta: dict) -> None:
    raise AssertionError("only named, never called")


class EasyDict(dict):
    """A dictionary with a class of its own."""


class Part:
    """A network part: pickled as a call of the persistence function with its description."""

    def __init__(self, class_name: str, **attributes: Any) -> None:
        self.class_name = class_name
        self.state: dict[str, Any] = {
            "training": False,
            "_parameters": OrderedDict(),
            "_buffers": OrderedDict(),
            "_non_persistent_buffers_set": set(),
            "_backward_hooks": OrderedDict(),
            "_modules": OrderedDict(),
            "_init_args": (),
            "_init_kwargs": EasyDict(),
            **attributes,
        }

    def __reduce__(self) -> tuple:
        description = EasyDict(
            type="class",
            version=6,
            module_src=SOURCE,
            class_name=self.class_name,
            state=self.state,
        )
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (description,)


@contextlib.contextmanager
def _stand_ins() -> Iterator[None]:
    names = {
        "torch_utils": {},
        "torch_utils.persistence": {"_reconstruct_persistent_obj": _reconstruct_persistent_obj},
        "dnnlib": {},
        "dnnlib.util": {"EasyDict": EasyDict},
    }
    was = (_reconstruct_persistent_obj.__module__, EasyDict.__module__)
    _reconstruct_persistent_obj.__module__ = "torch_utils.persistence"
    EasyDict.__module__ = "dnnlib.util"
    for name, content in names.items():
        module = types.ModuleType(name)
        module.__dict__.update(content)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        _reconstruct_persistent_obj.__module__, EasyDict.__module__ = was


BUFFERS = ("resample_filter", "noise_const", "w_avg")


def part(class_name: str, tensors: dict[str, Tensor], keywords: dict[str, Any]) -> Part:
    """A whole network from a state dict with dotted names and its constructor's keywords."""
    top = Part(class_name, _init_kwargs=EasyDict(keywords))
    for name, value in tensors.items():
        *path, leaf = name.split(".")
        inner = top
        for step in path:
            inside = inner.state["_modules"]
            if step not in inside:
                # Numbers as numpy leaves them, which are pickled by functions of numpy's.
                inside[step] = Part("Layer", weight_gain=1 / np.sqrt(3.0), activation="lrelu")
            inner = inside[step]
        if leaf in BUFFERS:
            inner.state["_buffers"][leaf] = value
        else:
            inner.state["_parameters"][leaf] = torch.nn.Parameter(value, requires_grad=False)
    return top


def golden_part(name: str, **changed: Any) -> Part:
    """A network of tests/golden; ``changed`` keywords replace or add to its own."""
    kind = "Generator" if name.startswith("g") else "Discriminator"
    return part(kind, state(name, "sd/"), {**meta()[name]["kwargs"], **changed})


def dump(content: Any, protocol: int = 3) -> bytes:
    """The pickle of ``content``."""
    with _stand_ins():
        return pickle.dumps(content, protocol=protocol)


def snapshot(g: Part | None, d: Part | None, ema: Part | None) -> dict[str, Any]:
    """The top level of a reference pickle."""
    pipe = Part("AugmentPipe", p=0.2)
    pipe.state["_buffers"]["Hz_geom"] = torch.ones(12)
    data = EasyDict(class_name="training.dataset.Films", path="/home/someone/x", use_labels=False)
    return {"training_set_kwargs": data, "G": g, "D": d, "G_ema": ema, "augment_pipe": pipe}


def write(path: Path, content: Any, protocol: int = 3) -> Path:
    """Write a pickle file."""
    path.write_bytes(dump(content, protocol))
    return path

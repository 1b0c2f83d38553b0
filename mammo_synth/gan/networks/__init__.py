"""The generator (mapping and synthesis) and the discriminator."""

from .discriminator import Discriminator
from .generator import Generator
from .layers import minibatch_stddev, normalize_2nd_moment
from .mapping import Mapping
from .precision import PRECISIONS, set_precision
from .synthesis import Synthesis

__all__ = [
    "PRECISIONS",
    "Discriminator",
    "Generator",
    "Mapping",
    "Synthesis",
    "minibatch_stddev",
    "normalize_2nd_moment",
    "set_precision",
]

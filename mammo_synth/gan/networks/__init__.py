"""The generator (mapping and synthesis) and the discriminator."""

from .discriminator import Discriminator
from .generator import Generator
from .layers import minibatch_stddev, normalize_2nd_moment
from .mapping import Mapping
from .synthesis import Synthesis

__all__ = [
    "Discriminator",
    "Generator",
    "Mapping",
    "Synthesis",
    "minibatch_stddev",
    "normalize_2nd_moment",
]

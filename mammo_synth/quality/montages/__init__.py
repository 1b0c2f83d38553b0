"""Sheets of images for the quality report: what a pool looks like, beside its numbers.

Of a pool's images (`images`): some at random, the best and the worst by realism, some beside their
nearest training films, the pairs most alike. Of its generator (`latent`): the sweep of truncation,
the way between seeds. Every one is a `Montage`, with a picture or the reason why there is none.
"""

from .images import neighbours_montage, pairs_montage, random_montage, realism_montage
from .latent import interpolation_montage, truncation_montage
from .montage import Montage

__all__ = [
    "Montage",
    "interpolation_montage",
    "neighbours_montage",
    "pairs_montage",
    "random_montage",
    "realism_montage",
    "truncation_montage",
]

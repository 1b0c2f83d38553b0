"""Adaptive discriminator augmentation (arXiv 2006.06676)."""

from .draws import Draws, draw
from .pipeline import apply, augment
from .settings import PIPELINES, AugmentSettings

__all__ = ["PIPELINES", "AugmentSettings", "Draws", "apply", "augment", "draw"]

"""Is there a short way to the answer: does a small classifier tell synthetic images from films, or
cancer from normal without looking at the breast?

Two generators leave two fingerprints, and a network that is trained on their images may learn
these. `look` describes images by what a fingerprint is made of (background, spectrum, small
differences), `probe_shortcuts` asks how much of the answer that gives away, with intervals and with
films beside it, and warns in plain words.
"""

from .looks import Looks, look
from .probe import Side, probe_shortcuts
from .report import Probe, ShortcutReport

__all__ = ["Looks", "Probe", "ShortcutReport", "Side", "look", "probe_shortcuts"]

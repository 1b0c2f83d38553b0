"""What is wrong between films: copies, conflicting labels, shortcuts in files; as data and a
page.
"""

from .copies import Copy, Verdict, find_copies, judge, tissue_agreement
from .look import Look, Thumbs, border_statistics, outline_of, shrink, tones_of
from .page import page_thumbs, render_page
from .report import Audit, Warning, audit
from .shortcut import Shortcut, shortcut_score

__all__ = [
    "Audit",
    "Copy",
    "Look",
    "Shortcut",
    "Thumbs",
    "Verdict",
    "Warning",
    "audit",
    "border_statistics",
    "find_copies",
    "judge",
    "outline_of",
    "page_thumbs",
    "render_page",
    "shortcut_score",
    "shrink",
    "tissue_agreement",
    "tones_of",
]

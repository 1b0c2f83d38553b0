"""What is wrong between films: copies, conflicting labels, shortcuts in files; as data and a
page.
"""

from .copies import Copy, Verdict, find_copies, judge, tissue_agreement
from .look import Look, border_statistics, thumb_of
from .page import render_page
from .report import Audit, Warning, audit
from .shortcut import Shortcut, shortcut_score

__all__ = [
    "Audit",
    "Copy",
    "Look",
    "Shortcut",
    "Verdict",
    "Warning",
    "audit",
    "border_statistics",
    "find_copies",
    "judge",
    "render_page",
    "shortcut_score",
    "thumb_of",
    "tissue_agreement",
]

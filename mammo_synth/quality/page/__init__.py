"""The page of a quality report: one HTML file that needs no network and no script."""

from .page import render_page

__all__ = ["render_page"]

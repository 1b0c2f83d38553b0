"""The sources of films: each knows one layout, its labels, its licence and its citation."""

SOURCES = ("phantom", "mias", "folder")
"""Names as the command line takes them."""

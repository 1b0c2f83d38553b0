"""Records in, ranking out: a pure function of a RESULTS folder.

`render.render` writes the Markdown table, the JSON, the page and the figure; `terminal.table`
gives the short form for a terminal; `check.check` recomputes every number from predictions.
"""

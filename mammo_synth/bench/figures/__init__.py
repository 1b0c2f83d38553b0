"""Figures of the benchmark: plain data in, a matplotlib `Figure` out; and a folder of all of them.

`question`, `configurations`, `training`, `confusion`, `ranking` and `reliability` draw;
`folder.write_figures` reads a RESULTS folder and writes all. Cancer is the positive class.
"""

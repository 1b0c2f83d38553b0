"""The benchmark: classifiers, recipes, runs, predictions, metrics and records.

Cancer is the positive class in every number this room makes.
"""

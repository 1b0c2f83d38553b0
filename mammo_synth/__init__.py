"""mammo-synth: synthetic mammograms, nine data sets, a benchmark and a leaderboard.

Importing the package is cheap: no deep learning library is loaded until a room that needs
it is entered. Synthetic films are for research and teaching, never for diagnosis.
"""

__version__ = "0.1.0"

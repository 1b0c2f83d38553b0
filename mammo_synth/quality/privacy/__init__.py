"""Does a pool of synthetic films hold copies of training films, or tell who was among them?

Copies are sought among all pairs of synthetic and training films (`hashes`, `alignment`); distances
are judged against films of patients that the generator never saw (`significance`, `membership`,
`authenticity`); `gate` decides by written thresholds, `report` does it all.
"""

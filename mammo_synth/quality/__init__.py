"""Quality and privacy of synthetic films: how good, how varied, how new."""

"""A clinic's own labelled films: how the bundle does there, and where to put the threshold."""

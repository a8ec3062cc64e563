"""A run over any number of files, in parts, so that a run that ends early goes on where it was.

The files are cut into parts of a fixed number (`job`); a part's rows are written as a table of
its own beside the CSV, whole or not at all (`part`); an engine decides who writes the parts, this
process or a Ray cluster (`engines`); at the end they are put together in order (`run`).
"""

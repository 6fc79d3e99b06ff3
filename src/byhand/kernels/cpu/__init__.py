"""Loops that Numba compiles, one file a family: compiled once a machine, then cached on disk."""

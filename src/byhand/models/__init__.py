"""Whole networks, each in a file of its own."""

"""Seeing a training step: its equations with numbers in them, its source, its pictures."""

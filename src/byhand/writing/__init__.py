"""Sentences in handwriting: letters drawn by a diffusion network, set in lines, and shown as they come out of the noise."""

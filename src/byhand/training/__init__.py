"""Training: the iterator of steps, the short loop around it, its history, its files, and the recipes."""

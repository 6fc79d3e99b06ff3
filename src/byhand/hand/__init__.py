"""Your hand: a sheet to fill in, its photograph read box by box, and a network that learns to write as you do."""

"""The hot loops as NumPy writes them, one file a family: the definitions that the compiled ones are tested against."""

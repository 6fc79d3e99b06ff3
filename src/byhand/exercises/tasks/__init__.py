"""One file per exercise; each has an `EXERCISE`. A new file here is found by itself."""

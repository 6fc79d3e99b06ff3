"""The real data sets, one loader each, and the one preparation of images."""

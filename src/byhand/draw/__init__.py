"""Pictures: curves, mistakes, confusions."""

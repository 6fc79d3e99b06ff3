"""The colours of our plots: of words, of what matters most, of what is compared with it, and of what is only hinted at."""

INK, ACCENT, SECOND, FAINT = "#1f2937", "#d9480f", "#1c7ed6", "#9ca3af"

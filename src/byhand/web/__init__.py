"""The page that reads your digit: its server, and its copies as static files."""

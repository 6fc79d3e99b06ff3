"""`python -m byhand.cli`."""

from __future__ import annotations

from byhand.cli import main

if __name__ == "__main__":
    main()

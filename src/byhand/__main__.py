"""`python -m byhand`, and the command `byhand`: what is slow to import comes only once Ctrl-C is looked after."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command."""
    try:
        from byhand.cli import main as command
    except KeyboardInterrupt:
        print("byhand: stopped", file=sys.stderr)
        sys.exit(130)
    command()


if __name__ == "__main__":
    main()

"""The command line: it parses, calls and shows, and decides nothing. Whatever it can do, Python can do in one call.

A file holds the commands that belong together: `training`, `doctor`, `use`, `inside` (a step, number by number), `learn`
(exercises), `pictures`, `hand`, `pages`.
"""

from __future__ import annotations

# In the order in which the help lists them.
# isort: off
from byhand.cli import training
from byhand.cli import doctor
from byhand.cli import use
from byhand.cli import inside
from byhand.cli import learn
from byhand.cli import pictures
from byhand.cli import hand
from byhand.cli import pages

# isort: on
from byhand.cli.frame import app, main

__all__ = ["app", "doctor", "hand", "inside", "learn", "main", "pages", "pictures", "training", "use"]

"""Which exercises somebody has solved, kept where byhand keeps what belongs to a user."""

from __future__ import annotations

import json
import time
from pathlib import Path

from byhand.errors import say
from byhand.files import write_atomically


def place() -> Path:
    """The file that keeps it."""
    import platformdirs

    return Path(platformdirs.user_state_dir("byhand")) / "exercises.json"


def progress() -> dict[str, dict[str, object]]:
    """By exercise: `tries`, `solved` (the day of the first right answer, "" before), and `hints` seen.

    A file that cannot be read counts as none.
    """
    path = place()
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: {"tries": int(one["tries"]), "solved": str(one["solved"]), "hints": int(one["hints"])}
            for name, one in kept.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        say(f"{path} cannot be read, so no progress is shown; the next check writes it anew")
        return {}


def note(name: str, right: bool) -> None:
    """One more try at an exercise. What was solved once stays solved."""
    kept, one = _one(name)
    one["tries"] = int(str(one["tries"])) + 1
    one["solved"] = one["solved"] or (time.strftime("%Y-%m-%d") if right else "")
    _keep(kept)


def next_hint(name: str, most: int) -> int:
    """How many of an exercise's hints are shown now: one more than the last time, up to `most`."""
    kept, one = _one(name)
    number = min(most, int(str(one["hints"])) + 1)
    one["hints"] = number
    _keep(kept)
    return number


def _one(name: str) -> tuple[dict[str, dict[str, object]], dict[str, object]]:
    kept = progress()
    return kept, kept.setdefault(name, {"tries": 0, "solved": "", "hints": 0})


def _keep(kept: dict[str, dict[str, object]]) -> None:
    write_atomically(place(), (json.dumps(kept, indent=1) + "\n").encode())

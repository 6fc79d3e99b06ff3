"""What came out of an examination."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Verdict:
    """Of one file: whether it is right, and if not, what is wrong.

    Attributes:
        exercise: its name. file: the learner's. wrong: what is wrong and where, a sentence or two each; empty where all is right.
        checked: what was compared with what. printed: what the file printed, as (line of the file, text);
            line 0 says how many were left out.
    """

    exercise: str
    file: str
    wrong: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    printed: list[tuple[int, str]] = field(default_factory=list)

    @property
    def right(self) -> bool:
        return not self.wrong

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "right": self.right, "printed": [{"line": line, "text": text} for line, text in self.printed]}

"""The loop as it stands: anybody's training is listened to, one line is added, and the doctor says what is wrong with it."""

from __future__ import annotations

from byhand.see.doctor.loop.event import Event, Loop
from byhand.see.doctor.loop.listen import checkup

__all__ = ["Event", "Loop", "checkup"]

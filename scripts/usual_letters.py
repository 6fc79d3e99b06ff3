"""Slant and breadth that are usual for each character: the means over images of EMNIST byclass, into `usual_letters.json`.

BYHAND_DATA=... python scripts/usual_letters.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from byhand.data.emnist import load_emnist
from byhand.writing.letter_style import breadths, slants

MOST = 2_000  # images of a class, the first ones; where there are fewer, all
OUT = Path("src/byhand/writing/usual_letters.json")


def main() -> None:
    train = load_emnist("byclass", held_out=0.1).train
    pictures = np.asarray(train.inputs)[..., 0]
    found = {}
    for label, name in enumerate(train.class_names):
        chosen = pictures[np.flatnonzero(train.labels == label)[:MOST]]
        found[name] = [round(float(slants(chosen).mean()), 2), round(float(breadths(chosen).mean()), 3)]
    OUT.write_text(json.dumps(found, ensure_ascii=False, indent=None).replace("], ", "],\n ") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

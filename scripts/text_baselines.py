"""What counting alone reaches on the text that the recipe `attention` is tested on, in bits per character.

    python scripts/text_baselines.py [TEXT.txt]

A model of order k knows how often each character followed each k characters in the training text. It is smoothed as Witten and
Bell (1991) do, with the model of order k - 1:

    p_k(c | h) = (n(h c) + d(h) p_{k-1}(c | h')) / (n(h) + d(h))

where n counts, d(h) is how many different characters followed h, and h' is h without its first character; p_{-1} = 1 / K.
Counted in the stretches of training text, measured on the same windows as the transformer, each prediction from characters of
the same window.
"""

from __future__ import annotations

import math
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from byhand.data.dataset import Dataset
from byhand.data.text import FILE, load_text, stretches

ORDERS = (0, 1, 2, 3, 4, 5, 6)


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    splits = load_text(path)
    print(splits.note)
    train = stretches(path.read_text(encoding="utf-8-sig"))["train"]
    for order in ORDERS:
        bits, accuracy = measure(train, splits.test, order)
        print(f"order {order}: {bits:.3f} bits per character, {accuracy:.1%} of the next characters right")


def measure(train: list[str], test: Dataset, order: int) -> tuple[float, float]:
    """Bits per character and accuracy of a model of this order."""
    after: dict[str, Counter[str]] = defaultdict(Counter)
    for text in train:
        for i, character in enumerate(text):
            for k in range(min(order, i) + 1):
                after[text[i - k : i]][character] += 1
    alphabet, bits, right, n = test.class_names, 0.0, 0, 0
    known: dict[str, dict[str, float]] = {}

    def p(h: str) -> dict[str, float]:
        if h not in known:
            lower = p(h[1:]) if h else dict.fromkeys(alphabet, 1 / len(alphabet))
            count, total, kinds = after[h], after[h].total(), len(after[h])
            known[h] = {c: (count[c] + kinds * lower[c]) / (total + kinds) for c in alphabet} if total else lower
        return known[h]

    letters = np.array(alphabet)
    for x, y in zip(test.inputs, test.labels, strict=True):
        text = "".join(letters[[*x, y[-1]]])
        for i in range(1, len(text)):
            expected = p(text[max(0, i - order) : i])
            bits -= math.log2(expected[text[i]])
            right += max(expected, key=expected.__getitem__) == text[i]
            n += 1
    return bits / n, right / n


if __name__ == "__main__":
    main()

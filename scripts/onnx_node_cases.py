"""ONNX's own test cases of nodes, run by byhand: how many agree, are refused by name, are wrong.

    python scripts/onnx_node_cases.py [-v]

With -v, why each is refused. The exit status is 1 where one is wrong or ends in anything but a ModelError.
"""

from __future__ import annotations

import collections
import sys
import warnings
from typing import Any

import numpy as np

from byhand.errors import ModelError
from byhand.onnx.backend import prepare


def outcome(case: Any) -> str:
    """ "" where the numbers agree; "refused: ..." or "wrong: ..." otherwise."""
    try:
        prepared = prepare(case.model)
        for inputs, outputs in case.data_sets:
            found = prepared.run(inputs)
            for one, expected in zip(found, outputs, strict=True):
                if (
                    not isinstance(expected, np.ndarray | np.generic)
                    or one.dtype != expected.dtype
                    or one.shape != expected.shape
                ):
                    return f"wrong: {one.dtype} {one.shape} for {getattr(expected, 'dtype', type(expected))} {np.shape(expected)}"
                np.testing.assert_allclose(one, expected, rtol=case.rtol, atol=case.atol)
    except ModelError as error:
        return f"refused: {error}"
    except AssertionError as error:
        return f"wrong: {' '.join(str(error).split())[:120]}"
    except Exception as error:
        return f"wrong: {type(error).__name__}: {error}"
    return ""


def main(arguments: list[str]) -> int:
    from onnx.backend.test.case.node import collect_testcases

    warnings.simplefilter("ignore")
    counts: collections.Counter[str] = collections.Counter()
    for case in collect_testcases(None):
        found = outcome(case)
        kind = found.partition(":")[0] or "agree"
        counts[kind] += 1
        if kind == "wrong" or (found and "-v" in arguments):
            print(case.name, found[:300])
    print(", ".join(f"{n} {kind}" for kind, n in counts.most_common()), "of", counts.total())
    return int(counts["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Naming one output of a network of modules: `0:0,13,14,5` is channel 5 at row 13, column 14 of sample 0, of the module "0".

The numbers are the indices of the output's array, so an image (N, H, W, C) takes four and a row (N, K) two. All count from 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from byhand.errors import ModelError
from byhand.see.tape import ModuleOp


@dataclass(frozen=True)
class UnitAddress:
    """One number of what a module computed: the module's name, and the number's indices."""

    scope: str
    at: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.scope}:{','.join(map(str, self.at))}"


def parse_address(text: str) -> UnitAddress:
    """`SCOPE:N,I,J,O` as the command line gives it; raises ModelError for anything else.

    >>> parse_address("encoder.0:0,13,14,5")
    UnitAddress(scope='encoder.0', at=(0, 13, 14, 5))
    """
    found = re.fullmatch(r"\s*(\S+?)\s*:\s*(\d{1,9}(?:\s*,\s*\d{1,9})*)\s*", text)
    if not found:
        raise ModelError(f"place {text!r} is not SCOPE:N,I,J,O, as in 0:0,13,14,5 (a module's name; then indices, from 0)")
    return UnitAddress(found[1], tuple(int(number) for number in found[2].split(",")))


def find_unit(place: UnitAddress | str, ops: Sequence[ModuleOp]) -> tuple[int, UnitAddress]:
    """Which op of the step the place is an output of; raises ModelError where there is no such module, or no such output.

    Of several ops of one module it is the convolution, or the last: the module's output.
    """
    place = parse_address(place) if isinstance(place, str) else place
    inside = [number for number, op in enumerate(ops) if op.name == place.scope]
    if not inside:
        names = ", ".join(dict.fromkeys(op.name for op in ops))
        raise ModelError(f"nothing in this network is named {place.scope!r}: choose one of {names}")
    found = next((number for number in inside if ops[number].node.op.name == "conv2d"), inside[-1])
    shape = ops[found].output.shape
    if len(place.at) != len(shape) or any(index >= n for index, n in zip(place.at, shape, strict=False)):
        example = f"{place.scope}:{','.join(str(n // 2 if at else 0) for at, n in enumerate(shape))}"
        wanted = (
            f"give {len(shape)} indices below that, as in {example}" if shape else "it is one number, which is followed anyway"
        )
        raise ModelError(f"place {place} is outside of the output of {place.scope}, which is {shape}: {wanted}")
    return found, place

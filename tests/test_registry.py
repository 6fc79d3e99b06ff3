"""Names in model files and recipes: a stranger's thing never takes the place of byhand's."""

from __future__ import annotations

from typing import Any

import pytest

from byhand import activations, costs, initialisers, optim, schedules
from byhand.errors import ModelError
from byhand.models import noise_schedules, samplers

TABLES = [
    (activations.ACTIVATIONS, "relu"),
    (costs.COSTS, "quadratic"),
    (initialisers.INITIALISERS, "he"),
    (optim.OPTIMIZERS, "adam"),
    (schedules.SCHEDULES, "cosine"),
    (noise_schedules.SCHEDULES, "linear"),
    (samplers.SAMPLERS, "ddim"),
]


@pytest.mark.parametrize(("table", "name"), TABLES)
def test_what_is_byhands_is_not_replaced_and_what_is_new_is_added(table: Any, name: str) -> None:
    for replace in (
        lambda: table.update({name: print}),
        lambda: table.__setitem__(name, print),
        lambda: table.__ior__({name: 1}),
    ):
        with pytest.raises(ModelError, match=f"{name!r} is byhand's own: give yours another name"):
            replace()
    with pytest.raises(ModelError, match="and stays"):
        del table[name]
    table["mine"] = print
    table["mine"] = len
    del table["mine"]
    assert table[name] is not print
    assert "mine" not in table

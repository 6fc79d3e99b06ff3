"""Bugs planted in every line of every op's gradient, one after another, and how many of them the tests notice.

    python -m tests.mutations.gradients [OP ...]

Run by hand: it takes minutes. Of each op in the table of `tests/engine/strategies.py`, its `gradient`, and of the functions of
its own file that this calls, the syntax tree is changed in one place: a sign turned or lost, a product made a quotient, a
factor doubled, a transposition or a sum left out, the order of a matrix product exchanged, a comparison turned. What happens in
indices is left alone: it would only crash. Then one test is run, that of central differences in
`tests/engine/test_every_op.py`. A bug counts as noticed where it fails, whether by a wrong number or by an error; both are
counted. Some changes change nothing, such as a division by a sign; they are not left out. Compiled kernels are not changed
here: `table.py` has bugs of theirs.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import io
import sys
import textwrap
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from tests.engine import test_every_op
from tests.engine.strategies import OPS

from byhand.engine import ops
from byhand.errors import EngineError

SWAPPED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
TURNED = {ast.GtE: ast.Lt, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.Lt: ast.GtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
RENAMED = {"negative": "positive", "multiply": "divide", "divide": "multiply", "add": "subtract", "subtract": "add"}
LEFT_OUT = {"transposed", "sum_to", "symmetric", "_without"}  # functions of which only the argument stays
LEFT_OUT_METHODS = {"sum", "mean", "swapaxes", "conj"}


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What is put in the place of one node, and what kind of bug it is."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield "sign lost", node.operand
    if isinstance(node, ast.BinOp) and type(node.op) in SWAPPED:
        new = copy.deepcopy(node)
        new.op = SWAPPED[type(node.op)]()
        yield "sign" if isinstance(node.op, ast.Add | ast.Sub) else "product and quotient", new
        for side in ("left", "right"):
            number = getattr(node, side)
            if isinstance(number, ast.Constant) and isinstance(number.value, int | float):
                new = copy.deepcopy(node)
                setattr(new, side, ast.Constant(number.value * 2 if number.value else 1))
                yield "factor", new
    if isinstance(node, ast.Compare) and type(node.ops[0]) in TURNED:
        new = copy.deepcopy(node)
        new.ops[0] = TURNED[type(node.ops[0])]()
        yield "comparison", new
    if isinstance(node, ast.Attribute) and node.attr in RENAMED:
        new = copy.deepcopy(node)
        new.attr = RENAMED[node.attr]
        yield "other function", new
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield "transposition left out", node.value
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in LEFT_OUT and node.args:
            yield f"{name} left out", node.args[0]
        if method in LEFT_OUT_METHODS and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) != "xp":
            yield f"{method} left out", node.func.value
        if method == "matmul" and len(node.args) == 2:
            new = copy.deepcopy(node)
            new.args = new.args[::-1]
            yield "order of a product", new
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        new = copy.deepcopy(node)
        new.left, new.right = new.right, new.left
        yield "order of a product", new


def places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Every child of a tree as (parent, field, position), but for what stands in indices, annotations and keywords."""
    for field, value in ast.iter_fields(tree):
        if field in ("slice", "annotation", "returns", "args") and not isinstance(tree, ast.Call):
            continue
        for i, one in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(one, ast.AST) and not isinstance(one, ast.keyword):
                yield tree, field, i if isinstance(value, list) else None
                yield from places(one)


def mutants(function: Any) -> Iterator[tuple[str, Any]]:
    """(what was changed, the changed function) for every place of a function's body."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for parent, field, i in list(places(tree.body[0])):
        held = getattr(parent, field)
        node = held if i is None else held[i]
        for kind, new in list(changes(node)):
            put(parent, field, i, new)
            told = f"{kind}: {ast.unparse(node)} -> {ast.unparse(new)}"
            space: dict[str, Any] = {}
            code = compile(ast.fix_missing_locations(copy.deepcopy(tree)), "<mutant>", "exec", 0, True)
            put(parent, field, i, node)
            exec(code, function.__globals__, space)
            yield told, space[function.__name__]


def put(parent: ast.AST, field: str, i: int | None, node: ast.AST) -> None:
    if i is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[i] = node


def helpers(function: Any) -> list[str]:
    """The functions of its own file that a gradient calls."""
    names = {node.id for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))) if isinstance(node, ast.Name)}
    found = [(name, function.__globals__.get(name)) for name in sorted(names)]
    return [name for name, one in found if inspect.isfunction(one) and one.__module__ == function.__module__]


def noticed(name: str) -> str:
    """Whether the test of this op's gradient fails, and by what: "number", "error", or "" where it passes."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            test_every_op.test_the_gradient_is_that_of_central_differences(name=name)
        except (AssertionError, EngineError):
            return "number"
        except Exception:  # a mutant may raise anything
            return "error"
    return ""


def planted(name: str) -> Iterator[tuple[str, str]]:
    """Every bug of one op with what noticed it."""
    op = getattr(ops, name)
    true = op.gradient
    for told, wrong in mutants(true):
        op.gradient = wrong
        try:
            yield told, noticed(name)
        finally:
            op.gradient = true
    space = true.__globals__
    for helper in helpers(true):
        kept = space[helper]
        for told, wrong in mutants(kept):
            space[helper] = wrong
            try:
                yield f"{helper}: {told}", noticed(name)
            finally:
                space[helper] = kept


def main(names: list[str]) -> None:
    counts: Counter[str] = Counter()
    for name in names or OPS:
        if noticed(name):
            raise SystemExit(f"{name}: its test must pass before a bug is planted")
        for told, how in planted(name):
            counts[how or "missed"] += 1
            if not how:
                print(f"missed  {name}: {told}", flush=True)
    total = sum(counts.values())
    print(f"{total - counts['missed']} of {total} bugs noticed: {dict(counts)}")


if __name__ == "__main__":
    main(sys.argv[1:])

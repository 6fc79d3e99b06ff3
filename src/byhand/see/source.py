"""The lines of source that computed something, as they stand in the file: numbered, without the docstring."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Source:
    """Lines of one function, each with its number in the file; the docstring's lines are left out.

    >>> from byhand.activations import sigmoid
    >>> source_of(sigmoid).lines[0][1]
    'def sigmoid(z: Array, out: Array) -> Array:'
    """

    name: str
    file: str
    lines: tuple[tuple[int, str], ...]

    @property
    def place(self) -> str:
        return f"{self.file}:{self.lines[0][0]}"

    @property
    def code(self) -> str:
        return "\n".join(text for _, text in self.lines)

    def runs(self) -> Iterator[tuple[int, str]]:
        """Stretches of consecutive lines: (number of the first, their text)."""
        stretch: list[str] = []
        start = previous = self.lines[0][0]
        for number, text in self.lines:
            if stretch and number != previous + 1:
                yield start, "\n".join(stretch)
                stretch, start = [], number
            stretch.append(text)
            previous = number
        yield start, "\n".join(stretch)


@cache
def source_of(function: Callable[..., Any]) -> Source:
    """The source of a function of this package."""
    raw, first = inspect.getsourcelines(function)
    code = textwrap.dedent("".join(raw))
    left_out = _docstring_lines(code)
    lines = [(first + i, text) for i, text in enumerate(code.splitlines()) if i not in left_out]
    while lines and not lines[-1][1].strip():
        lines.pop()
    return Source(function.__qualname__, f"{function.__module__.replace('.', '/')}.py", tuple(lines))


def _docstring_lines(code: str) -> range:
    match ast.parse(code).body[0]:
        case ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str())) as docstring, *_]):
            return range(docstring.lineno - 1, docstring.end_lineno or docstring.lineno)
    return range(0)


@cache
def definitions(function: Callable[..., Any]) -> tuple[Callable[..., Any], ...]:
    """The definitions of the kernels that a function of an op calls, as in `kernels.family("conv", x).forward`, from
    `byhand.kernels.reference`; and what has an equation among the functions that those call.

    A compiled kernel may have run in their place; it is tested against them.

    >>> from byhand.engine import ops
    >>> [kernel.__qualname__ for kernel in definitions(ops.relu.forward)]
    ['relu']
    """
    code = textwrap.dedent(inspect.getsource(function))
    families: dict[str, str] = {}
    calls: dict[tuple[str, str], None] = {}

    def family(node: ast.AST) -> str:
        match node:
            case ast.Name(id=name):
                return families.get(name, "")
            case ast.Call(args=[ast.Constant(value=str(name)), *_]) if ast.unparse(node.func) == "kernels.family":
                return name
        return ""

    tree = list(ast.walk(ast.parse(code)))
    for node in tree:
        match node:
            case ast.Assign(targets=[target, *_], value=value):
                for left, right in zip(_elements(target), _elements(value), strict=False):
                    families |= {ast.unparse(left): name for name in [family(right)] if name}
    for node in tree:
        match node:
            case ast.Attribute(value=value, attr=attribute) if family(value):
                calls[family(value), attribute] = None
    modules = {name: import_module(f"byhand.kernels.reference.{name}") for name, _ in calls}
    kernels = [getattr(modules[name], attribute) for name, attribute in calls if hasattr(modules[name], attribute)]
    return tuple(dict.fromkeys(one for kernel in kernels for one in (kernel, *_called(kernel))))


def _called(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """The functions beside this one that it calls, and that have an equation."""
    code, beside = ast.parse(textwrap.dedent(inspect.getsource(function))), vars(inspect.getmodule(function))
    called = [ast.unparse(node.func) for node in ast.walk(code) if type(node) is ast.Call]
    functions = [beside[name] for name in dict.fromkeys(called) if inspect.isfunction(beside.get(name))]
    return [function for function in functions if "Equation:" in (inspect.getdoc(function) or "")]


def _elements(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if type(node) is ast.Tuple else [node]

"""The lines of source that computed something, as they stand in the file: numbered, without the docstring."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
    body = getattr(ast.parse(code).body[0], "body", [])
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return range(first.lineno - 1, first.end_lineno or first.lineno)
    return range(0)


def definitions(function: Callable[..., Any]) -> tuple[Callable[..., Any], ...]:
    """The definitions of the kernels that a function of an op calls, as in `kernels.family("conv", x).forward`, from
    `byhand.kernels.reference`; and what has an equation among the functions that those call.

    A compiled kernel may have run in their place; it is tested against them.

    >>> from byhand.engine import ops
    >>> [found.__qualname__ for found in definitions(ops.relu.forward)]
    ['relu']
    """
    code = textwrap.dedent(inspect.getsource(function))
    families: dict[str, str] = {}
    found: dict[tuple[str, str], None] = {}

    def family(node: ast.AST) -> str | None:
        if isinstance(node, ast.Name):
            return families.get(node.id)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "kernels.family" and isinstance(node.args[0], ast.Constant):
            return str(node.args[0].value)
        return None

    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Assign):
            pairs = zip(_elements(node.targets[0]), _elements(node.value), strict=False)
            families |= {target.id: name for target, value in pairs if isinstance(target, ast.Name) and (name := family(value))}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and (name := family(node.value)):
            found[name, node.attr] = None
    modules = {name: import_module(f"byhand.kernels.reference.{name}") for name, _ in found}
    kernels = [getattr(modules[name], attribute) for name, attribute in found if hasattr(modules[name], attribute)]
    return tuple(dict.fromkeys(one for kernel in kernels for one in (kernel, *_called(kernel))))


def _called(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """The functions beside this one that it calls, and that have an equation."""
    code, beside = ast.parse(textwrap.dedent(inspect.getsource(function))), vars(inspect.getmodule(function))
    called = [node.func.id for node in ast.walk(code) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    found = [beside[name] for name in dict.fromkeys(called) if inspect.isfunction(beside.get(name))]
    return [one for one in found if "Equation:" in (inspect.getdoc(one) or "")]


def _elements(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]

"""Pack the project's own texts into the one file that byhand carries to train its character model on.

    python scripts/pack_docs.py

What a person reads here: README, the docs, then of every module its docstrings and comments, then the tests, whose names are
sentences. The same tree gives the same bytes. The parting into training and test text, and so the figures of the shipped
model, hang on every byte: after packing anew, train it anew (`byhand train attention`, then scripts/ship_models.py).
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import tokenize
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from byhand.files import write_atomically

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "src" / "byhand" / "data" / "bundled" / "docs.txt"
PAGES = ["README.md", "docs/*.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/*.md"]
FOLDED = {"→": "->", "–": "-", "—": "-", "×": "x", "·" : ".", "−": "-", "“": '"', "”": '"', "’": "'", "…": "..."}  # fmt: skip


def main() -> None:
    parts = [page.read_text(encoding="utf-8") for pattern in PAGES for page in sorted(ROOT.glob(pattern))]
    parts += [said(path, ROOT / "src") for path in sorted((ROOT / "src").rglob("*.py"))]
    parts += [tested(path) for path in sorted((ROOT / "tests").rglob("test_*.py"))]
    text = folded("\n\n".join(part.strip() for part in parts if part.strip()) + "\n")
    write_atomically(TARGET, text.encode("ascii"))
    print(f"{TARGET}: {len(text):,} characters of {len(set(text))} kinds")


def said(path: Path, root: Path) -> str:
    """A module's docstrings and comments in their order, each docstring below the name of what it describes."""
    source = path.read_text(encoding="utf-8")
    module = ".".join(path.relative_to(root).with_suffix("").parts)
    found = sorted([*docstrings(ast.parse(source), module), *comments(source)])
    return "\n\n".join(text for _, text in found)


def docstrings(tree: ast.AST, name: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every docstring in a file."""
    if isinstance(tree, ast.Module | ast.ClassDef | ast.FunctionDef):
        text = ast.get_docstring(tree)
        if text:
            yield getattr(tree, "lineno", 0), f"{signature(tree, name)}\n{text}"
    for child in ast.iter_child_nodes(tree):
        yield from docstrings(child, getattr(child, "name", name))


def signature(node: ast.AST, name: str) -> str:
    """What stands above a docstring: a module's dotted name, a class's name, or a function with its arguments."""
    if isinstance(node, ast.FunctionDef):
        return f"def {node.name}({', '.join(argument.arg for argument in node.args.args)})"
    return f"class {name}" if isinstance(node, ast.ClassDef) else name


def comments(source: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every comment in a file; lines that follow each other are one comment."""
    begin, last, lines = 0, -1, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or re.match(r"# (fmt|type|noqa)", token.string):
            continue
        if token.start[0] != last + 1:
            if lines:
                yield begin, "\n".join(lines)
            begin, lines = token.start[0], []
        last = token.start[0]
        lines.append(token.string)
    if lines:
        yield begin, "\n".join(lines)


def tested(path: Path) -> str:
    """What the tests of a file prove: its docstring, and the names of its tests as sentences."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    sentences = [name.removeprefix("test_").replace("_", " ").capitalize() + "." for name in names]
    return "\n".join([inspect.cleandoc(ast.get_docstring(tree) or ""), *sentences])


def folded(text: str) -> str:
    """The text in ASCII: typographic signs as they are typed, letters without accents, nothing else."""
    for sign, typed in FOLDED.items():
        text = text.replace(sign, typed)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[^\n -~]", "", text))


if __name__ == "__main__":
    main()

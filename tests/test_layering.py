"""The layers of the package: imports go down only, wherever in a file they stand."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import byhand

ROOT = Path(byhand.__file__).parent

# From the bottom up. A module imports from the groups below its own, and from within its own.
LAYERS = [
    ["printable", "colours", "png"],
    ["console", "errors", "blas", "equation", "files", "formula", "lock", "notebook_html", "safe_reading", "registry"],
    ["limits", "terms"],
    ["backend"],
    ["memory"],
    ["kernels"],
    [
        "activations",
        "predictions",
        "costs",
        "engine",
        "initialisers",
        "neural_network",
        "network_kinds",
        "optim",
        "schedules",
        "tensorfile",
    ],
    ["feedforward", "nn"],
    ["models", "onnx"],
    ["data", "import_onnx", "import_weights", "modelfile", "parallel", "shipped"],
    ["training"],
    ["see", "draw", "onnx_export"],
    ["sklearn"],
    ["diffuse", "exercises", "hand", "latent", "read_pictures", "writing"],
    ["web"],
    ["cli", "__main__", "pytest_plugin"],
]
# Narrower than their place in the order.
ONLY = {
    "data": {"data", "backend", "errors", "files", "kernels", "limits", "notebook_html", "safe_reading"},
    "notebook_html": {"colours", "png"},
    "errors": {"printable"},
    "printable": set(),
    "colours": set(),
    "png": set(),
    "blas": {"errors"},
    "console": {"printable"},
    "files": {"errors"},
    "safe_reading": {"errors"},
    "registry": {"errors"},
    "lock": {"errors", "files"},
    "memory": {"backend"},
    "kernels": {"backend", "errors", "files", "memory", "limits"},
    "engine": {"backend", "equation", "errors", "formula", "kernels", "limits", "memory", "terms"},
}
# The package itself fetches its public names when they are first used; it is the roof over all of them.
ROOF = {"byhand"}
# `net.fit(...)` and `net.save(...)` are comforts: they hand the network to `byhand.fit` and `byhand.save`, and add nothing.
ALLOWED = {
    ("byhand.neural_network", "NeuralNetwork.fit", "byhand.training.fit"),
    ("byhand.neural_network", "NeuralNetwork.save", "byhand.modelfile"),
}
FOREIGN = {"torch", "jax", "sklearn", "tensorflow"}


def imports(tree: ast.Module, module: str, package: bool) -> list[tuple[str, str]]:
    """(where, what) of every import in a file: at its top, in functions, in classes; `if TYPE_CHECKING` included."""
    found: list[tuple[str, str]] = []

    def walk(node: ast.AST, where: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend((where, alias.name) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = child.module or ""
                if child.level:
                    parts = module.split(".")
                    parts = parts[: len(parts) - child.level + package]
                    base = ".".join([*parts, *([base] if base else [])])
                # `from byhand import optim` imports a module: each name counts for itself.
                found.extend((where, f"{base}.{alias.name}" if base == "byhand" else base) for alias in child.names)
            elif isinstance(child, ast.Call):
                found.extend((where, name) for name in _imported_by_call(child))
                walk(child, where)
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                walk(child, f"{where}.{child.name}" if where else child.name)
            else:
                walk(child, where)

    walk(tree, "")
    return found


def _imported_by_call(call: ast.Call) -> list[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in {"import_module", "__import__"} or not call.args:
        return []
    return [str(arg.value) for arg in call.args[:1] if isinstance(arg, ast.Constant)]


def rank(group: str) -> int:
    for i, groups in enumerate(LAYERS):
        if group in groups:
            return i
    raise AssertionError(f"byhand.{group} has no place in the layers: give it one")


def faults(root: Path) -> list[str]:
    """Every upward import below a package folder, in words."""
    wrong: list[str] = []
    for path in sorted(root.rglob("*.py")):
        parts = ["byhand", *path.relative_to(root).with_suffix("").parts]
        package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if package else parts)
        if module in ROOF:
            continue
        group = module.split(".")[1]
        for where, what in imports(ast.parse(path.read_text(encoding="utf-8")), module, package):
            top, *rest = what.split(".")
            if top in FOREIGN and group != top:  # `byhand.sklearn` is the door to scikit-learn
                wrong.append(f"{module} imports {what}")
            if top != "byhand" or (module, where, what) in ALLOWED:
                continue
            if not rest or (
                rest[0] in vars(byhand)["_PLACES"] and not (root / rest[0]).is_dir() and not (root / f"{rest[0]}.py").is_file()
            ):
                wrong.append(f"{module} imports {what} through the roof: import it from where it is")
                continue
            upward = rank(rest[0]) > rank(group)
            if upward or (group in ONLY and rest[0] not in ONLY[group] | {group}):
                wrong.append(f"{module}{f' ({where})' if where else ''} imports {what}")
    return wrong


@pytest.mark.slow
def test_no_module_imports_from_a_layer_above_it() -> None:
    assert faults(ROOT) == []


def test_every_module_and_package_has_a_place_and_every_place_a_module() -> None:
    groups = {path.stem for path in ROOT.glob("*.py")} - {"__init__"}
    groups |= {path.name for path in ROOT.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    placed = {group for layer in LAYERS for group in layer}
    assert groups - placed == set()
    assert {"errors", "backend", "feedforward", "training", "optim"} <= groups


def test_the_allowed_exceptions_are_there_and_are_the_only_ones() -> None:
    upward = {
        (module, where, what)
        for module in ("byhand.neural_network", "byhand.feedforward", "byhand.nn.network")
        for where, what in imports(
            ast.parse((ROOT.parent / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")), module, package=False
        )
        if what.startswith(("byhand.training", "byhand.modelfile"))
    }
    assert upward == ALLOWED


@pytest.mark.parametrize(
    ("file", "source", "fault"),
    [
        ("backend.py", "import byhand.optim", "byhand.backend imports byhand.optim"),
        ("backend.py", "from byhand.optim import SGD", "byhand.backend imports byhand.optim"),
        ("backend.py", "from byhand import optim", "byhand.backend imports byhand.optim"),
        ("backend.py", "from . import optim", "byhand.backend imports byhand.optim"),
        ("backend.py", "from .optim import SGD", "byhand.backend imports byhand.optim"),
        ("training/steps.py", "from ..see import numbers", "byhand.training.steps imports byhand.see"),
        ("training/__init__.py", "from ..cli import main", "byhand.training imports byhand.cli"),
        ("optim.py", "def f():\n    if 1:\n        import byhand.cli", "byhand.optim (f) imports byhand.cli"),
        ("optim.py", "class C:\n    def f(self):\n        from byhand.web import app", "byhand.optim (C.f) imports byhand.web"),
        ("optim.py", "if TYPE_CHECKING:\n    from byhand.training import steps", "byhand.optim imports byhand.training"),
        ("optim.py", "import importlib\nimportlib.import_module('byhand.cli')", "byhand.optim imports byhand.cli"),
        ("optim.py", "from byhand import FeedForward", "byhand.optim imports byhand.FeedForward through the roof"),
        ("optim.py", "import byhand", "byhand.optim imports byhand through the roof"),
        ("data/idx.py", "from byhand.optim import SGD", "byhand.data.idx imports byhand.optim"),
        ("errors.py", "from byhand.files import write_atomically", "byhand.errors imports byhand.files"),
        ("feedforward.py", "from byhand.training.fit import fit", "byhand.feedforward imports byhand.training.fit"),
        ("optim.py", "import torch", "byhand.optim imports torch"),
        ("optim.py", "def f():\n    from jax import numpy", "byhand.optim imports jax"),
        ("see/x.py", "import sklearn.metrics", "byhand.see.x imports sklearn.metrics"),
    ],
)
def test_a_planted_upward_import_is_found(file: str, source: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(source)
    found = faults(tmp_path)
    assert len(found) == 1 and found[0].startswith(fault)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("cli.py", "from byhand.training import steps\nfrom byhand import optim"),
        ("data/load.py", "from byhand.data.idx import read\nfrom . import idx\nimport byhand.errors"),
        ("optim.py", "import torchlight, os.path"),
        ("neural_network.py", "class NeuralNetwork:\n    def fit(self):\n        from byhand.training.fit import fit"),
    ],
)
def test_a_downward_import_is_no_fault(file: str, source: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(source)
    for name in ("optim.py",):
        (tmp_path / name).touch()
    assert faults(tmp_path) == []


def test_a_module_without_a_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "newcomer.py").write_text("from byhand import errors")
    with pytest.raises(AssertionError, match="newcomer has no place"):
        faults(tmp_path)


def circles(root: Path, package: str) -> list[list[str]]:
    """Groups of modules below a package that import one another in a circle, wherever in a file the imports stand."""
    graph: dict[str, set[str]] = {}
    for path in sorted((root / package).rglob("*.py")):
        parts = ["byhand", *path.relative_to(root).with_suffix("").parts]
        inside = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if inside else parts)
        graph[module] = {what for _, what in imports(ast.parse(path.read_text(encoding="utf-8")), module, inside)}
    graph = {module: others & set(graph) - {module} for module, others in graph.items()}

    def reached(module: str) -> set[str]:
        found, left = set(), [module]
        while left:
            for other in graph[left.pop()] - found:
                found.add(other)
                left.append(other)
        return found

    return [[module] for module in graph if module in reached(module)]


@pytest.mark.parametrize("package", ["see", "optim", "models", "draw"])
def test_no_modules_import_one_another_in_a_circle(package: str) -> None:
    assert circles(ROOT, package) == []

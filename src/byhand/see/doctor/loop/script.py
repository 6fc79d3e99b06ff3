"""An ordinary PyTorch script, run as it is and listened to from outside: nothing is added to it.

Listening begins when the script has imported PyTorch, and takes the first network that learns. The script ends at its own end, or
once so many steps are done.
"""

from __future__ import annotations

import contextlib
import importlib.util
import runpy
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from byhand.errors import ModelError
from byhand.see.doctor.finding import Report
from byhand.see.doctor.loop.torch_checkup import TorchCheckup
from byhand.see.doctor.loop.torch_loop import Enough
from byhand.see.doctor.patient import line_of

STEPS = 300


def examine_script(path: Path | str, steps: int = STEPS) -> Report:
    """Run a script as `python train.py` would, and say what is wrong with its training.

    What it prints goes to the standard error, so that only the report stands on the standard output.

    Arguments:
        steps: after how many steps of its optimiser it is ended, 1 or more.

    Raises ModelError in one line where it fails before its first step, or trains no PyTorch network.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"{path} does not exist: name a script, a recipe or a run's folder")
    listening = _Listening(steps)
    with _as_main(path), contextlib.redirect_stdout(sys.stderr), listening:
        try:
            runpy.run_path(str(path), run_name="__main__")
        except (Enough, SystemExit):
            pass
        except SyntaxError as error:
            raise ModelError(
                f"{path} is no Python: {error.msg}, line {error.lineno}; mend it, and run the doctor again"
            ) from error
        except Exception as error:
            told = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise ModelError(f"{path} raised {told}{line_of(error, str(path))}; mend it, and run the doctor again") from error
    loop = listening.loop
    if loop is None or not (loop.backwards or loop.optimizers):
        raise ModelError(
            f"{path} trained no PyTorch network: a NumPy loop is examined by byhand.checkup, "
            f"a training of byhand's own by {path}:make"
        )
    loop.name = str(path)
    return loop.report()


@contextlib.contextmanager
def _as_main(path: Path) -> Iterator[None]:
    """Arguments and folder as the script has them when it is run by itself."""
    arguments, places = sys.argv, list(sys.path)
    sys.argv, sys.path[:0] = [str(path)], [str(path.parent.resolve())]
    try:
        yield
    finally:
        sys.argv, sys.path[:] = arguments, places


class _Listening(MetaPathFinder):
    """Enters a `TorchCheckup` as soon as PyTorch is there: at once, or when the script has imported it."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.loop: TorchCheckup | None = None

    def __enter__(self) -> None:
        if "torch" in sys.modules:
            self.begin()
        else:
            sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        if self.loop is not None:
            self.loop.__exit__(None, None, None)

    def begin(self) -> None:
        self.loop = TorchCheckup(None, self.steps)
        self.loop.__enter__()

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        del path, target
        if fullname != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            execute = loader.exec_module

            def execute_and_begin(module: ModuleType) -> None:
                execute(module)
                self.begin()

            loader.exec_module = execute_and_begin
        return spec

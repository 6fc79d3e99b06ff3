"""Starting is instant: nothing heavy is imported until it is used."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

HEAVY = ["numpy", "numba", "matplotlib", "starlette", "uvicorn", "PIL", "pooch", "safetensors", "scipy", "torch", "jax"]
CLEAN = {key: value for key, value in os.environ.items() if key not in {"PYTHONPROFILEIMPORTTIME", "COVERAGE_PROCESS_START"}}


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=CLEAN, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def best_of_five(*command: str) -> float:
    """Seconds of processor time that the process takes at its fastest: what others do on the machine hardly counts."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, *command], capture_output=True, timeout=60, env=CLEAN, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.returncode == 0, done.stderr
    return min(times)


@pytest.mark.slow
def test_importing_byhand_imports_nothing_heavy() -> None:
    loaded = python("import byhand, sys; print(*{name.split('.')[0] for name in sys.modules})").split()
    assert "byhand" in loaded
    assert sorted(set(HEAVY) & set(loaded)) == []
    assert python("import byhand, sys; byhand.FeedForward; print('numpy' in sys.modules)").strip() == "True"


@pytest.mark.slow
@pytest.mark.alone
def test_importing_byhand_takes_less_than_150_milliseconds() -> None:
    assert best_of_five("-c", "import byhand") - best_of_five("-c", "") < 0.15


@pytest.mark.slow
def test_the_help_of_the_command_line_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['byhand', '--help']\n"
        "from byhand.cli import main\n"
        "try:\n    main()\nexcept SystemExit as exit:\n    assert not exit.code\n"
        "print('LOADED', *{name.split('.')[0] for name in sys.modules})"
    )
    output, _, loaded = python(code).rpartition("LOADED")
    assert "train" in output and "explain" in output
    assert sorted(set(HEAVY) & set(loaded.split())) == []


@pytest.mark.slow
@pytest.mark.alone
def test_the_help_of_the_command_line_takes_less_than_400_milliseconds() -> None:
    assert best_of_five("-c", "import sys; sys.argv = ['byhand', '--help']; from byhand.cli import main; main()") < 0.4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ByhandError", "FeedForward", "Step", "data", "fit", "load", "optim", "steps", "watch"])
def test_every_public_name_is_found_listed_and_the_real_one(name: str) -> None:
    code = f"import byhand; print({name!r} in dir(byhand), byhand.{name}.__name__)"
    expected = {"data": "byhand.data", "optim": "byhand.optim", "load": "open_model"}.get(name, name)
    assert python(code).split() == ["True", expected]


@pytest.mark.slow
def test_a_name_that_is_not_there_is_an_attribute_error_and_from_imports_work() -> None:
    assert python("import byhand; print(hasattr(byhand, 'Transformer'))").strip() == "False"
    assert python("from byhand import FeedForward, optim; print(optim.SGD(0.5))").startswith("SGD(learning_rate=0.5")

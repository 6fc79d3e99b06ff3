"""What all tests share: PyTorch, optional here and required where the comparisons have to run; and turns at the machine."""

from __future__ import annotations

import functools
import os
import random
import signal

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before NumPy is imported: the threads of two processes' BLAS would spin on the same cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.pop("PYTHONHASHSEED", None)  # what this process starts has a seed of its own again

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from . import warm as warm_processes
from .turns import Turns, this_run

# Examples are the same in every run, and a slow machine is no failure.
settings.register_profile("byhand", deadline=None, derandomize=True, database=None)
settings.register_profile("quick", settings.get_profile("byhand"), max_examples=8)
settings.load_profile("quick" if os.environ.get("BYHAND_QUICK") == "1" else "byhand")


def pytest_configure(config: pytest.Config) -> None:
    _hear_signals()
    if getattr(config.option, "numprocesses", None):
        # All processes must collect the same tests in the same order, also those whose parameters come from a set.
        os.environ.setdefault("PYTHONHASHSEED", str(random.randrange(2**32)))
    run = this_run()
    if run is not None:
        config.pluginmanager.register(Turns(run), "turns")


def _hear_signals() -> None:
    """nohup and a shell's `&` make what they start deaf to these, and tests of signals would wait in vain."""
    for name in ("SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch on one thread; without it the comparisons are skipped, or fail where BYHAND_COMPARE=1 requires them."""
    try:
        import torch as found
    except ImportError:
        if os.environ.get("BYHAND_COMPARE") == "1":
            pytest.fail("BYHAND_COMPARE=1 requires the comparisons, but torch is not installed: pip install 'byhand[compare]'")
        pytest.skip("torch is not installed: pip install 'byhand[compare]' to compare with PyTorch")
    found.set_num_threads(1)
    return found


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What byhand remembers of its user lies in a folder of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _unpacked_once() -> Iterator[None]:
    """MNIST's file is unpacked once in a process of tests, not each time that one of them loads it."""
    from byhand.data import mnist

    unpack = mnist.packed
    kept = functools.cache(lambda path: unpack())  # tests of a damaged file put another path there
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist, "packed", lambda: dict(kept(mnist.FILE)))
        yield


@pytest.fixture(scope="session")
def warm() -> Any:
    """`tests.warm.run`, for tests in packages of their own."""
    return warm_processes.run


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_260)


@pytest.fixture
def two_blas_threads() -> Iterator[None]:
    """BLAS with two threads at least, also where tests run side by side and it begins with one."""
    from byhand.kernels import threads

    before = [library.get_num_threads() for library in threads._blas()]
    threads._set_blas([max(2, n) for n in before])
    yield
    threads._set_blas(before)

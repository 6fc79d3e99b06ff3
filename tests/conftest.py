"""What all tests share: PyTorch, which is optional here and required where the comparisons have to run."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

# Examples are the same in every run, and a slow machine is no failure.
settings.register_profile("byhand", deadline=None, derandomize=True, database=None)
settings.load_profile("byhand")


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


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_260)

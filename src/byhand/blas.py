"""The matrix kernels below NumPy, chosen once and before NumPy is imported.

NumPy's OpenBLAS picks its AVX2 kernels on AMD processors that also have AVX-512. Its AVX-512 kernels run there as well, and
a 2048 x 2048 float32 product goes from 165-200 to 300-380 GFLOP/s. OpenBLAS reads the choice once, from the environment,
while NumPy is imported; so the entry points call `choose_kernels` first of all. `BYHAND_BLAS=default` turns it off.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

AVX512 = {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"}


def choose_kernels(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Ask OpenBLAS for its AVX-512 kernels where it would miss them; return one line that says what was done and why."""
    if os.environ.get("BYHAND_BLAS") == "default":
        return "BLAS: left as it is (BYHAND_BLAS=default)"
    if "OPENBLAS_CORETYPE" in os.environ:
        return f"BLAS: OPENBLAS_CORETYPE={os.environ['OPENBLAS_CORETYPE']} was set already"
    if "numpy" in sys.modules:
        return "BLAS: left as it is (NumPy was imported before byhand could choose)"
    try:
        text = cpuinfo.read_text(encoding="ascii", errors="replace")
    except OSError:
        return "BLAS: left as it is (the processor is unknown)"
    flags = next((set(line.split()) for line in text.splitlines() if line.startswith("flags")), set())
    if "AuthenticAMD" not in text or not flags >= AVX512:
        return "BLAS: left as it is (OpenBLAS chooses well on this processor)"
    os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
    return "BLAS: asked OpenBLAS for its AVX-512 kernels (BYHAND_BLAS=default turns this off)"


def describe() -> str:
    """One line on the BLAS that NumPy uses, as threadpoolctl reports it.

    SciPy brings another one, and which of the two is loaded first changes from run to run: NumPy's own is meant, if it has one.
    """
    import numpy as np
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    own = [pool for pool in pools if "numpy" in str(pool.get("filepath", "")).replace("\\", "/").rpartition("/")[0].lower()]
    found = ", ".join(
        sorted(
            f"{pool['internal_api']} {pool.get('version')} ({pool.get('architecture')}, {pool['num_threads']} threads)"
            for pool in own or pools
        )
    )
    return f"NumPy {np.__version__} on {found or 'an unknown BLAS'}"

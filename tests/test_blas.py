"""The choice of the matrix kernels: made before NumPy, said in one line, and never against what the person set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from byhand import blas

FLAGS = "flags\t\t: fpu avx2 avx512f avx512dq avx512cd avx512bw avx512vl"
AMD = f"processor\t: 0\nvendor_id\t: AuthenticAMD\n{FLAGS}\n"


def choose(cpuinfo: Path, before: str = "", **environment: str) -> tuple[str, str]:
    """What a fresh interpreter says, and what OPENBLAS_CORETYPE is afterwards."""
    code = (
        f"import os, pathlib\n{before}\nfrom byhand.blas import choose_kernels\n"
        f"print(choose_kernels(pathlib.Path({str(cpuinfo)!r})))\nprint(os.environ.get('OPENBLAS_CORETYPE', 'unset'))"
    )
    clean = {key: value for key, value in os.environ.items() if key not in {"OPENBLAS_CORETYPE", "BYHAND_BLAS"}}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**clean, **environment}, timeout=60, check=True
    )
    said, core = done.stdout.splitlines()
    return said, core


@pytest.fixture
def amd(tmp_path: Path) -> Path:
    (tmp_path / "cpuinfo").write_text(AMD)
    return tmp_path / "cpuinfo"


def test_an_amd_processor_with_avx512_gets_its_kernels(amd: Path) -> None:
    said, core = choose(amd)
    assert core == "SkylakeX"
    assert said == "BLAS: asked OpenBLAS for its AVX-512 kernels (BYHAND_BLAS=default turns this off)"


@pytest.mark.parametrize("text", [AMD.replace("AuthenticAMD", "GenuineIntel"), AMD.replace("avx512vl", ""), "", "\xff\n"])
def test_any_other_processor_is_left_to_openblas(text: str, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(text, encoding="latin-1")
    assert choose(tmp_path / "cpuinfo") == ("BLAS: left as it is (OpenBLAS chooses well on this processor)", "unset")


def test_an_unknown_processor_is_left_to_openblas(tmp_path: Path) -> None:
    assert choose(tmp_path / "none") == ("BLAS: left as it is (the processor is unknown)", "unset")


def test_what_the_person_set_stays(amd: Path) -> None:
    assert choose(amd, OPENBLAS_CORETYPE="Zen") == ("BLAS: OPENBLAS_CORETYPE=Zen was set already", "Zen")
    assert choose(amd, BYHAND_BLAS="default") == ("BLAS: left as it is (BYHAND_BLAS=default)", "unset")


def test_it_is_too_late_once_numpy_is_there(amd: Path) -> None:
    said, core = choose(amd, before="import numpy")
    assert (said, core) == ("BLAS: left as it is (NumPy was imported before byhand could choose)", "unset")


def test_the_blas_in_use_is_described_in_one_line() -> None:
    import numpy as np

    said = blas.describe()
    assert said.startswith(f"NumPy {np.__version__} on ") and "threads" in said
    assert "\n" not in said


@pytest.mark.parametrize("where", ["/site-packages/numpy.libs/", "/opt/lib/"])
def test_scipys_blas_and_the_order_of_loading_change_nothing_in_the_description(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threadpoolctl

    def pool(version: str, path: str) -> dict[str, object]:
        known = {"user_api": "blas", "internal_api": "openblas", "architecture": "SkylakeX", "num_threads": 2}
        return {**known, "version": version, "filepath": path}

    both = [pool("0.3.31", f"{where}libscipy_openblas64_.so"), pool("0.3.30", "/site-packages/scipy.libs/libscipy_openblas.so")]
    said = set()
    for found in (both, both[::-1]):
        monkeypatch.setattr(threadpoolctl, "threadpool_info", lambda found=found: found)
        said.add(blas.describe())
    assert len(said) == 1
    assert ("0.3.30" in said.pop()) == ("numpy" not in where)

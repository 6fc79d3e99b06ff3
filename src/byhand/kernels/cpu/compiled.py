"""Kernels are compiled once per machine and kept on disk, and what goes wrong with the disk is never more than a delay.

Numba's own files end in a traceback where one is damaged or no place can be written; two processes that compile side by side may
mix up which file holds which types; and a kernel that calls one of another file is not compiled anew when that file changes.
So the files are our own: one for each kernel and its types, found by name without an index, and signed with a digest of its
content and of its sources. A file that does not match its digest is compiled anew and replaced.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.serialize import dumps

from byhand.files import write_atomically

DIGEST = 32  # bytes
IMPORTS = re.compile(rb"from byhand\.kernels\.cpu\.(\w+) import")


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Numba's `njit` for a kernel: without the interpreter's lock, and kept from one process to the next."""

    def decorate(function: Callable[..., Any]) -> Any:
        kernel = numba.njit(nogil=True, **options)(function)
        try:
            kernel._cache = _Kept(function)
        except Exception as error:
            _tell(type(error).__name__ if "no locator" not in str(error) else "no folder for them can be written")
        return kernel

    return decorate


class _Kept(FunctionCache):
    """Numba's cache of one function: it finds the place, we write the files."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        sources = _sources(Path(function.__code__.co_filename).stem)
        self._cache_file: Any = _Files(Path(self.cache_path), self._impl.filename_base, sources)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # of a file that another version of something wrote: it is compiled anew
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception as error:
            cause = error.__cause__ or error
            _tell(getattr(cause, "strerror", None) or str(cause))


class _Files:
    """The compiled code of one function, a file for each of its types; `sources` is what it was compiled from."""

    def __init__(self, folder: Path, name: str, sources: bytes) -> None:
        self.folder, self.name, self.sources = folder, name, sources

    def path(self, key: Any) -> Path:
        types, machine, _ = key
        return self.folder / f"{self.name}.{hashlib.blake2b(repr((types, machine)).encode(), digest_size=8).hexdigest()}.nbc"

    def load(self, key: Any) -> Any:
        try:
            content = self.path(key).read_bytes()
        except OSError:
            return None
        signed, code = content[:DIGEST], content[DIGEST:]
        if signed != self.digest(key, code):
            return None
        return pickle.loads(code)  # noqa: S301 - our own file beside our own bytecode, and whole

    def save(self, key: Any, data: Any) -> None:
        code = dumps(data)
        write_atomically(self.path(key), self.digest(key, code) + code)

    def digest(self, key: Any, code: bytes) -> bytes:
        """Of the code, and of all that would have to be the same for it to be the right one."""
        made_of = (numba.__version__, self.sources, repr(key))
        return hashlib.blake2b(repr(made_of).encode() + code, digest_size=DIGEST).digest()

    def flush(self) -> None:
        """Numba's word for forgetting what is kept: the digests see to that."""


def _sources(name: str) -> bytes:
    """Everything that the kernels of a file are made of: it, the files of kernels that it imports, and so on."""
    text = (Path(__file__).parent / f"{name}.py").read_bytes()
    others = sorted(set(IMPORTS.findall(text)) - {b"compiled"})
    return text + b"".join(_sources(other.decode()) for other in others)


@cache
def _tell(error: str) -> None:
    """Once for each thing that is wrong, not for each kernel."""
    print(
        f"byhand: compiled kernels cannot be kept ({error}), so every start compiles them anew, which takes seconds: "
        "set NUMBA_CACHE_DIR to a folder that can be written, or BYHAND_KERNELS=numpy to go without",
        file=sys.stderr,
        flush=True,
    )

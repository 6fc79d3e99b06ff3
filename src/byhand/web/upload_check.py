"""Looks at an uploaded file, in a process of its own: what it is, or what is wrong with it.

`python -m byhand.web.upload_check FILE OPTIONS` writes one line of JSON on its standard output. Whatever the file does to
the program that reads it (hours of work, more memory than there is, a crash) ends here, and never a training under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from byhand import data
from byhand.data.tables.table import is_table, read_table
from byhand.errors import ByhandError, DataError
from byhand.training.own_data import for_outputs, for_table
from byhand.web.encoding import as_json

SECONDS = 60.0  # that looking may take
MEMORY = 4_000_000_000  # bytes that it may
MOST_CLASSES = 200  # more are rather a column of numbers


async def inspected(path: Path, options: dict[str, str] | None = None) -> dict[str, Any]:
    """What the file holds, a table by these options; raises DataError, in one line, for one that cannot be trained on."""
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    command = (sys.executable, "-m", "byhand.web.upload_check", str(path), json.dumps(options or {}))
    process = await asyncio.create_subprocess_exec(*command, stdin=nothing, stdout=pipe, stderr=nothing)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError:
        raise DataError(f"reading {path} takes longer than {SECONDS:.0f} seconds: use byhand train for it") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        found: dict[str, Any] = json.loads(output)
    except ValueError:
        raise DataError(f"{path} cannot be read (reading it ended with status {process.returncode}): save it again") from None
    if "problem" in found:
        raise DataError(found["problem"])
    return found


def facts(path: Path, asked: dict[str, str] | None = None) -> dict[str, Any]:
    """What the page is told of a file; raises DataError for one that cannot be trained on.

    Of a table that are the task, what was decided in words, its columns, and the settings that fit it. `asked` are its target
    and what to do about missing values, as `byhand train` takes them; these are filled unless something else is asked for.
    """
    options: dict[str, Any] = {"missing": "median", **(asked or {})} if is_table(path) else {}
    splits = data.load(str(path), **options)
    train = splits.train
    if train.n_classes > MOST_CLASSES:
        raise DataError(
            f"{path} has {train.n_classes:,} classes, but at most {MOST_CLASSES} are taken: is the last column the class?"
        )
    found = {"samples": len(train) + len(splits.test), "inputs": list(train.inputs.shape[1:]), "classes": train.n_classes}
    found |= {"task": train.task, "outputs": train.n_outputs, "told": splits.note, "data_options": options}
    if train.encoding is None:
        return found
    about = for_table(train) | for_outputs(train)
    fitting = {name: value for name, value in about.items() if name != "output"}
    found |= {"fitting": fitting, "target": train.encoding.target}
    return found | {"columns": [column.name for column in read_table(path).columns]} if is_table(path) else found


def limit_memory(most: int) -> None:
    """Beyond so many bytes this process gets a MemoryError, which it can tell, instead of being killed with all that it holds."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limits
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if most and (hard == resource.RLIM_INFINITY or most < hard):
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def main() -> None:
    """Look at the file that is named."""
    limit_memory(MEMORY)
    speaking = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints must not be taken for the answer
    path = Path(sys.argv[1])
    try:
        answer = facts(path, json.loads(sys.argv[2]))
    except ByhandError as error:
        answer = {"problem": str(error)}
    except MemoryError:
        answer = {"problem": f"there is not enough memory to read {path}: use fewer samples, or byhand train"}
    except Exception as error:
        answer = {"problem": f"{path} cannot be read ({type(error).__name__}: {str(error)[:200]}): save it again"}
    speaking.write(as_json(answer) + "\n")
    speaking.flush()


if __name__ == "__main__":
    main()

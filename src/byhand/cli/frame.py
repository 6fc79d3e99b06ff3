"""The command line's frame: the application, what ends a command, and what all commands share."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from byhand.errors import ByhandError
from byhand.printable import printable

if TYPE_CHECKING:
    from rich.console import Console


class Ended(Exception):
    """Somebody pressed Ctrl-C, or the reader of a pipe has gone."""


class Commands(TyperGroup):
    """The commands; what stops one is left to `main`, where Typer would choose a status of its own and say nothing."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, BrokenPipeError) as error:
            raise Ended from error


app = typer.Typer(
    name="byhand",
    cls=Commands,
    help="Neural networks worked out by hand: train them, and see every number of a step with its equation and its code.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """The entry point: settles the matrix kernels before NumPy comes in, then runs the command."""
    from byhand import blas
    from byhand.console import forget_impossible_width, readable

    forget_impossible_width()
    readable(sys.stdout)
    readable(sys.stderr)
    chosen = blas.choose_kernels()
    if "--verbose" in sys.argv:
        sys.argv.remove("--verbose")
        print(chosen, blas.describe(), sep="\n", file=sys.stderr)
    status = 0
    try:
        try:
            app()
        except SystemExit as end:
            if end.code == 130:  # Typer's own, of a Ctrl-C before the command began
                raise KeyboardInterrupt from end
            status = end.code if isinstance(end.code, int) else 1
        except ByhandError as error:
            status = _said(error, 1)
        if sys.stdout is not None:
            sys.stdout.flush()
    except (Ended, KeyboardInterrupt, OSError) as error:
        status = _ended_by(error.__cause__ if isinstance(error, Ended) else error)
    sys.exit(status)


def _ended_by(cause: BaseException | None) -> int:
    """Say in one line what ended the command from outside; returns the status."""
    if isinstance(cause, KeyboardInterrupt):
        return _said(str(cause) or "stopped", getattr(cause, "status", 130))  # of a training, what it kept
    if isinstance(cause, OSError) and not isinstance(cause, BrokenPipeError):
        print(f"byhand: {cause.filename or 'standard output'}: {cause.strerror or cause}", file=sys.stderr)
    # Nothing can be written there any more, and Python would try once again when it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141 if isinstance(cause, BrokenPipeError) else 1


def _said(why: object, status: int) -> int:
    if "--json" in sys.argv:
        print(json.dumps({"error": str(why)}))
    print(f"byhand: {printable(why)}", file=sys.stderr)
    return status


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"byhand {version('byhand')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print byhand's version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


# ---------------------------------------------------------------- what several commands take


def recipe_names(incomplete: str) -> list[str]:
    """For the shell's completion."""
    from byhand.training.recipes import RECIPES

    return [name for name in RECIPES if name.startswith(incomplete)]


def model_names(incomplete: str) -> list[str]:
    """For the shell's completion: the names alone, so that no model is read."""
    from byhand.shipped import shipped

    return [name for name in shipped() if name.startswith(incomplete)]


def both_names(incomplete: str) -> list[str]:
    return sorted({*recipe_names(incomplete), *model_names(incomplete)})


def setting_names(incomplete: str) -> list[str]:
    from byhand.training.recipes import checks

    return [f"{name}=" for name in checks() if name.startswith(incomplete)]


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output instead of text.")]
ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="A .safetensors file, a run's folder, or a shipped model's name.", autocompletion=model_names
    ),
]


def numbers(text: str, option: str) -> list[int]:
    """Whole numbers as an option takes them, "30" or "100,50"; raises ByhandError for anything else."""
    if re.fullmatch(r" *[0-9]{1,9} *(, *[0-9]{1,9} *)*", text):
        return [int(part) for part in text.split(",")]
    raise ByhandError(f"{option} must be units per layer, for example 30 or 100,50, got {text!r}")


# ---------------------------------------------------------------- what several commands print


def console() -> Console:
    """Where a command shows its result."""
    from byhand.console import open_console

    return open_console()


def show(text: str) -> None:
    """A line for people, however long; what stands in brackets is its style."""
    console().print(text, highlight=False, soft_wrap=True)


def show_table(rows: list[tuple[str, ...]]) -> None:
    """Rows of words, the first of them the header."""
    from rich.table import Table

    from byhand.printable import literal

    table = Table(*map(literal, rows[0]), box=None, header_style="bold")
    for row in rows[1:]:
        table.add_row(*map(literal, row))
    console().print(table)


def show_json(result: Any) -> None:
    """One JSON object."""
    print(json.dumps(result))

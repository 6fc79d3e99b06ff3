"""The commands for learners and teachers: exercise and check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from byhand.cli.frame import Json, app, show, show_json, show_table
from byhand.errors import ByhandError
from byhand.printable import literal

if TYPE_CHECKING:
    from byhand.exercises import Verdict


def exercise_names(incomplete: str) -> list[str]:
    """For the shell's completion."""
    from byhand.exercises import exercises

    return [name for name in exercises() if name.startswith(incomplete)]


@app.command()
def exercise(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which; without it, all are listed.", autocompletion=exercise_names)
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write; else NAME.py here.")] = None,
    hint: Annotated[bool, typer.Option("--hint", help="A hint, and each time one more, instead of a file.")] = False,
    as_json: Json = False,
) -> None:
    """List the exercises with your progress, or write one as a file to fill in."""
    from byhand.exercises import by_name, write_stub
    from byhand.exercises.progress import next_hint

    if name is None:
        if hint or out is not None:
            raise ByhandError(f"{'--hint' if hint else '-o'} needs an exercise: byhand exercise NAME; byhand exercise lists them")
        list_exercises(as_json)
        return
    chosen = by_name(name)
    if hint:
        if out is not None:
            raise ByhandError("--hint writes no file: leave out -o")
        number = next_hint(name, len(chosen.hints))
        given = chosen.hints[:number]
        if as_json:
            show_json({"exercise": name, "hints": list(given), "of": len(chosen.hints)})
            return
        for i, text in enumerate(given, 1):
            show(f"hint {i} of {len(chosen.hints)}: {literal(text)}")
        return
    path = write_stub(chosen, out)
    if as_json:
        show_json({"exercise": name, "file": str(path)})
        return
    show(f"wrote {literal(path)}: {literal(chosen.title)}")
    show(f"fill it in, then: byhand check {literal(path)}")


def list_exercises(as_json: bool) -> None:
    from byhand.exercises import exercises
    from byhand.exercises.progress import progress

    kept = progress()
    rows = [
        {
            "name": one.name,
            "chapter": one.chapter,
            "title": one.title,
            **kept.get(one.name, {"tries": 0, "solved": "", "hints": 0}),
        }
        for one in exercises().values()
    ]
    if as_json:
        show_json({"exercises": rows})
        return
    table: list[tuple[str, ...]] = [("", "exercise", "what", "tries")]
    chapter = ""
    for row in rows:
        if row["chapter"] != chapter:
            chapter = str(row["chapter"])
            table.append(("", "", chapter.upper(), ""))
        table.append(("✓" if row["solved"] else "", str(row["name"]), str(row["title"]), str(row["tries"] or "")))
    show_table(table)
    show(f"{sum(bool(row['solved']) for row in rows)} of {len(rows)} solved; byhand exercise NAME writes one to fill in")


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Your answer; several, of a class, are only listed.")],
    seconds: Annotated[
        float | None, typer.Option(help="How long an answer may run; else as its exercise says.", min=1, max=3600)
    ] = None,
    as_json: Json = False,
) -> None:
    """Examine the answer to an exercise: what is wrong, and where. It runs the file, so check only files that you trust."""
    from byhand.exercises import check as examined
    from byhand.exercises.progress import note

    if len(files) > 1:  # a teacher's: these are not one's own tries
        verdicts: list[Verdict | tuple[Path, str]] = []
        for file in files:
            try:
                verdicts.append(examined(file, seconds=seconds))
            except ByhandError as error:
                verdicts.append((file, str(error)))
        show_class(verdicts, as_json)
        return
    verdict = examined(files[0], seconds=seconds)
    note(verdict.exercise, verdict.right)
    show_json(verdict.to_dict()) if as_json else show_verdict(verdict)
    if not verdict.right:
        raise typer.Exit(1)


def show_verdict(verdict: Verdict) -> None:
    for line, text in verdict.printed:
        show(f"[dim]{f'line {line}' if line else 'printed'}:[/] {literal(text)}")
    if verdict.right:
        show(f"[bold green]right[/] {literal(verdict.exercise)}: {literal('; '.join(verdict.checked))}")
        return
    for sentence in verdict.wrong:
        show(f"[bold red]wrong[/] {literal(sentence)}")
    show(f"a hint: byhand exercise {verdict.exercise} --hint")


def show_class(verdicts: list[Verdict | tuple[Path, str]], as_json: bool) -> None:
    """A line per file of many."""
    if as_json:
        show_json(
            {
                "files": [
                    {"file": str(one[0]), "right": False, "error": one[1]} if isinstance(one, tuple) else one.to_dict()
                    for one in verdicts
                ]
            }
        )
        return
    rows: list[tuple[str, ...]] = [("file", "exercise", "", "what is wrong")]
    for one in verdicts:
        if isinstance(one, tuple):
            rows.append((str(one[0]), "", "not checked", one[1]))
        else:
            rows.append((one.file, one.exercise, "right" if one.right else "wrong", " | ".join(one.wrong)))
    show_table(rows)

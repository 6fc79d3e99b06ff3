"""The command that examines a training which runs but does not learn: doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from byhand.cli.frame import Json, app, console, recipe_names, show, show_json
from byhand.errors import ByhandError
from byhand.printable import literal


@app.command()
def doctor(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|RUN|SCRIPT.py|SCRIPT.py:MAKE",
            help="A recipe, a run's folder, a PyTorch script, or a function that returns a byhand.Patient.",
            autocompletion=recipe_names,
        ),
    ],
    checks: Annotated[bool, typer.Option("--checks", help="Also print everything that was measured and found in order.")] = False,
    steps: Annotated[int, typer.Option(help="For a PyTorch script: end it after this many training steps.", min=1)] = 300,
    try_change: Annotated[
        bool, typer.Option("--try", help="Also train twice for a short while, as it is and with the change, and compare.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report as JUnit's XML, for CI.")] = None,
    sarif: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report as SARIF, for code hosts.")] = None,
    as_json: Json = False,
) -> None:
    """Find out why a network runs but does not learn: what is wrong, where, how that is known, and what to change."""
    from importlib.metadata import version

    from byhand.draw.progress import telling
    from byhand.files import write_atomically
    from byhand.see.doctor import examine, open_patient, report_files
    from byhand.see.doctor.loop.script import examine_script
    from byhand.see.doctor.terminal import render
    from byhand.see.doctor.tried import try_out

    tried = None
    if what.endswith(".py"):
        if try_change:
            raise ByhandError(f"--try needs a training of byhand's own: a recipe, a run's folder, or {what}:make")
        report = examine_script(what, steps)
    else:
        with telling("the doctor") as progress:
            patient = open_patient(what)
            report = examine(patient, progress)
            tried = try_out(patient, report) if try_change else None
    if junit is not None:
        write_atomically(junit, report_files.junit(report).encode())
    if sarif is not None:
        write_atomically(sarif, report_files.sarif(report, version("byhand")).encode())
    if as_json:
        show_json(report.to_dict() | ({"tried": tried.to_dict() if tried else None} if try_change else {}))
        return
    render(report, console(), checks)
    if try_change:
        nothing = ["nothing was tried: no finding has a change that a setting can make"]
        for line in tried.lines() if tried else nothing:
            show(literal(line))

"""The command that shows a training step number by number: explain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from byhand.cli.frame import Json, app, both_names, console, show, show_json
from byhand.errors import ByhandError
from byhand.printable import literal


@app.command()
def explain(
    what: Annotated[
        str,
        typer.Argument(metavar="MODEL|RECIPE", help="A trained model, or a recipe as it begins.", autocompletion=both_names),
    ],
    sample: Annotated[int | None, typer.Option(help="One training sample, by its index; else the step's real batch.")] = None,
    step: Annotated[
        int | None, typer.Option(help="Take this many training steps before; of a recorded run, it is that step of the run.")
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="L:J,K", help="A weight to prove and to trace: layer L (input is 1), unit J, from unit K."),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCOPE:N,I,J,O",
            help="In a network of modules: an output to work out, by sample, row, column, channel. Of a VAE, J,P: a number of "
            "its code, and a pixel.",
        ),
    ] = None,
    trained: Annotated[
        bool, typer.Option("--trained", help="Where a recipe and a shipped model have one name: the trained model.")
    ] = False,
    full: Annotated[bool, typer.Option("--full/--short", help="Every number of the step, or about 25 lines.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the same as one self-contained page.")] = None,
    number: Annotated[
        str | None, typer.Option(metavar="NAME:I,J", help="How one number was computed, as z2:0,5 or w2.gradient:5,400.")
    ] = None,
    epoch: Annotated[
        bool, typer.Option("--epoch", help="Who pushed the --weight (or --number 0.weight:1,1,0,5) over the last epoch.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show every number of one real training step, with its equation and the code that computed it."""
    if number is not None or epoch:
        show_number(what, number, weight or [], epoch, step, sample, as_json)
        return
    from byhand.see.as_json import to_dict
    from byhand.see.chosen_step import explain_step
    from byhand.see.page import write_page
    from byhand.see.terminal import render, render_short

    explanation = explain_step(what, sample=sample, step=step, weights=weight or [], at=at or [], trained=trained)
    if html is not None:
        write_page(explanation, html)
    if as_json:
        show_json(to_dict(explanation) | ({"page": str(html)} if html else {}))
    elif html is not None:
        show(f"wrote {literal(html)}")
    else:
        (render if full else render_short)(explanation, console())


def show_number(
    what: str, number: str | None, weights: list[str], epoch: bool, step: int | None, sample: int | None, as_json: bool
) -> None:
    import dataclasses

    from byhand.see.number_terminal import epoch_of, render_sum, terms_of_number

    if epoch:
        asked = [number] if number is not None else weights
        if len(asked) != 1:
            raise ByhandError("--epoch is of one weight: give --weight 2:5,400, or --number 0.weight:1,1,0,5")
        over = epoch_of(what, asked[0], step=step)
        show_json(over.figures()) if as_json else over.render(console())
        return
    found = terms_of_number(what, number or "", step=step, sample=sample)
    show_json(dataclasses.asdict(found)) if as_json else render_sum(found, console())

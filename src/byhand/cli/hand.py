"""Commands for a hand of your own: the sheet, its photograph, the training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from byhand.cli.frame import Json, app, show, show_json
from byhand.printable import literal

hand = typer.Typer(help="Your own hand: print a sheet, photograph it filled in, train on it.", no_args_is_help=True)
app.add_typer(hand, name="hand")


@hand.command()
def sheet(
    out: Annotated[Path, typer.Option("--out", "-o", help="The sheet: .pdf or .png.")] = Path("sheet.pdf"),
    paper: Annotated[str, typer.Option(help="a4 or letter.")] = "a4",
    as_json: Json = False,
) -> None:
    """Write a sheet with boxes for all characters, to be printed and filled in."""
    from byhand.hand.sheet import write_sheet

    write_sheet(out, paper)
    if as_json:
        show_json({"file": str(out), "paper": paper})
        return
    show(f"wrote {literal(out)}: print it at 100 %, fill it in, photograph it, then `byhand hand read PHOTO -o myhand`")


@hand.command()
def read(
    photos: Annotated[list[Path], typer.Argument(help="Photographs of sheets that one person has filled in.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the hand.")] = Path("myhand"),
    as_json: Json = False,
) -> None:
    """Read photographed sheets: every character that can be used goes into a folder."""
    from collections import Counter

    from byhand.hand.boxes import EMPTY, OK
    from byhand.hand.read import CONTACT_FILE, missing, read_hand

    found = read_hand(photos, out)
    counts = Counter(reading.state for reading in found)
    lacking = missing(found)
    if as_json:
        wrong = [[reading.box.character, reading.state] for reading in found if reading.state not in (OK, EMPTY)]
        show_json({"folder": str(out), "usable": counts[OK], "boxes": len(found), "wrong": wrong, "missing": lacking})
        return
    show(f"read {counts[OK]} of {len(found)} boxes into {literal(out)}; see {literal(out / CONTACT_FILE)}")
    for state, count in counts.items():
        if state == EMPTY:
            show(f"{count} empty")
        elif state != OK:
            names = " ".join(reading.box.character for reading in found if reading.state == state)
            show(f"{count} {state}: {literal(names)}")
    if lacking:
        show(f"missing: {literal(lacking)} (these will be drawn in your style, but not in your shapes)")
    show("[dim]This folder is private: it holds a person's handwriting. Share it only with that person's consent.[/]")


@hand.command()
def train(
    folder: Annotated[Path, typer.Argument(help="A folder of `byhand hand read`.")] = Path("myhand"),
    seed: Annotated[int, typer.Option(help="Of all that chance adds.")] = 0,
    as_json: Json = False,
) -> None:
    """Train the network that draws characters on with those of a folder, for two minutes at most."""
    from dataclasses import asdict

    from byhand.draw.progress import counting
    from byhand.hand.train import HAND_FILE, train_hand

    with counting("training", quiet=as_json) as progress:
        trained = train_hand(folder, seed=seed, progress=progress)
    if as_json:
        show_json({"file": str(folder / HAND_FILE), "private": True} | asdict(trained))
        return
    ratio = "" if trained.ratio is None else f"; drawn letters differ from yours {trained.ratio:.2f} times as much as yours do"
    show(f"wrote {literal(folder / HAND_FILE)}: {trained.steps} steps in {trained.seconds:.0f} s{ratio}")
    show(f'now: byhand write "Hello" --hand {literal(folder)}')
    show("[dim]This file writes as one person does. It is private: share it only with that person's consent.[/]")

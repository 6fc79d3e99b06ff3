"""Commands that train, and that look at a training: train, recipes, replay, demo."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from byhand.cli.frame import Json, app, console, numbers, recipe_names, setting_names, show, show_json, show_table
from byhand.errors import ByhandError, say
from byhand.printable import literal

if TYPE_CHECKING:
    from byhand.data.dataset import Splits
    from byhand.see import replay_terminal
    from byhand.training.fit import Callback
    from byhand.training.recipes import Recipe
    from byhand.training.run import Run


@app.command()
def train(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|DATA",
            help="A recipe (see `byhand recipes`), or data: a folder, a table (.csv, .tsv, .parquet), .npz or .txt.",
            autocompletion=recipe_names,
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Folder of the run; runs/RECIPE unless given.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's checkpoint, bit for bit.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where the folder holds another training.")] = False,
    model: Annotated[
        str | None, typer.Option(help="What learns: feedforward, cnn, vae, diffusion, gan; what fits the data unless given.")
    ] = None,
    hidden: Annotated[str | None, typer.Option(help="Hidden units per layer, for example 30 or 100,50.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Times through the data.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate eta.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="sgd, rmsprop, adam or adamw.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples a step.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    patience: Annotated[
        int | None,
        typer.Option(metavar="N", help="End once N epochs bring no lower validation cost, and keep the best epoch."),
    ] = None,
    keep_best: Annotated[bool, typer.Option("--keep-best", help="Keep the epoch with the lowest validation cost.")] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other setting of the recipe.", autocompletion=setting_names),
    ] = None,
    target: Annotated[str, typer.Option(help="Of a table: the column to learn, by NAME, first or last; A,B,C: labels.")] = "",
    drop: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Of a table: a column to leave out; again for more.")
    ] = None,
    use: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Of a table: learn from these columns alone.")] = None,
    task: Annotated[str, typer.Option(help="What is learned, unless the data say: classes, yes_no, labels or numbers.")] = "",
    missing: Annotated[
        str, typer.Option(help="Missing values of a table: mean, median, drop, or keep for marks such as -999.")
    ] = "",
    folds: Annotated[
        int | None,
        typer.Option(metavar="N", help="Of a table: cross-validate in N parts, then train the model on all rows."),
    ] = None,
    size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Of a folder of images: the side that they are scaled to; 32 or less.")
    ] = None,
    colour: Annotated[
        bool | None,
        typer.Option("--colour/--grey", help="Of a folder of images: keep colours, or not; as they are unless given."),
    ] = None,
    preparation: Annotated[
        str, typer.Option(help="Of a folder of images: scaled, or mnist (ink on paper, centred); by their looks unless given.")
    ] = "",
    balance: Annotated[bool, typer.Option("--balance", help="Train every class equally often, however rare it is.")] = False,
    device: Annotated[str, typer.Option(help="cpu, or gpu: experimental, with CuPy, for networks of modules.")] = "cpu",
    shards: Annotated[
        int | None, typer.Option(metavar="S", help="Split each batch in S shards: the same bits for any number of processes.")
    ] = None,
    record: Annotated[bool, typer.Option("--record", help="Keep what `byhand replay` needs to go back to any step.")] = False,
    record_mb: Annotated[
        float | None, typer.Option("--record-mb", metavar="MB", help="The same, in so many megabytes at most; else 50.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a network and measure it on the test data."""
    from byhand.draw.progress import counting
    from byhand.training.evaluate_labels import LabelsEvaluation
    from byhand.training.folds import CrossValidation
    from byhand.training.own_data import recipe_for
    from byhand.training.recipes import parse_setting
    from byhand.training.run import continued
    from byhand.training.worth import doubt

    given: dict[str, Any] = {
        "model": model,
        "epochs": epochs,
        "lr": lr,
        "optimizer": optimizer,
        "batch_size": batch_size,
        "seed": seed,
        "patience": patience,
        "shards": shards,
    }
    given |= {
        "keep_best": keep_best or None,
        "even": balance or None,
        "hidden": None if hidden is None else numbers(hidden, "--hidden"),
    }
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    changes.update(parse_setting(text) for text in settings or [])
    of_data: dict[str, Any] = {"target": target, "drop": drop, "use": use, "task": task, "missing": missing}
    options = {name: value for name, value in (of_data | {"preparation": preparation}).items() if value}
    options |= {name: value for name, value in (("size", size), ("colour", colour), ("folds", folds)) if value is not None}
    with counting("reading images", quiet=as_json) as progress:
        recipe, splits = recipe_for(what, options, changes, progress)
    folder = out or Path("runs") / recipe.name
    if resume:
        recipe, said = continued(recipe, folder, changes)
        if said:
            say(said)
    keep = record_mb if record_mb is not None else record
    done = carry_out(recipe, folder, splits=splits, resume=resume, overwrite=overwrite, device=device, record=keep)
    if as_json:
        show_json(done.figures())
        return
    first, *others = done.lines()
    show(f"[bold]{literal(first)}[/]")
    for line in others:
        show(literal(line))
    if isinstance(done.evaluation, CrossValidation | LabelsEvaluation):
        show_table(done.evaluation.rows())
    show(f"the model is {literal(done.figures()['model'])}; see one of its steps: byhand explain {literal(done.folder)}")
    if why := doubt(done.history, done.evaluation):
        show(f"{literal(why)}; find out why: byhand doctor {literal(done.folder)}")


def carry_out(recipe: Recipe, folder: Path, **settings: Any) -> Run:
    """Run a recipe with a progress bar, sheets of samples where it draws, and its curves."""
    from byhand.console import open_console
    from byhand.draw.curves import draw_curves
    from byhand.draw.predicted import draw_predicted
    from byhand.draw.progress import ProgressBar
    from byhand.draw.samples import sample_sheets
    from byhand.training.evaluate_numbers import NumbersEvaluation
    from byhand.training.run import build, run

    bar = ProgressBar(open_console(stderr=True))

    def callbacks(splits: Splits) -> list[Callback]:
        if splits.note:
            bar.console.print(literal(splits.note), style="dim", highlight=False)
        if recipe.model == "feedforward" and not settings.get("resume"):  # its line says how the weights begin
            bar.console.print(literal(repr(build(recipe, splits))), style="dim", highlight=False)
        return [bar, *sample_sheets(recipe, splits, folder)]

    def curves(done: Run) -> None:
        draw_curves(done.history, done.evaluation, recipe.name, folder / "curves.png")
        if isinstance(done.evaluation, NumbersEvaluation):
            draw_predicted(done.evaluation, folder / "predicted.png")

    with closing(bar):
        return run(recipe, folder, callbacks=callbacks, finish=curves, **settings)


@app.command("recipes")
def recipes_command(as_json: Json = False) -> None:
    """The named set-ups that `train` knows."""
    import dataclasses

    from byhand.training.recipes import RECIPES

    if as_json:
        show_json({"recipes": [dataclasses.asdict(recipe) for recipe in RECIPES.values()]})
        return
    rows = [(recipe.name, recipe.about, recipe.reports) for recipe in RECIPES.values()]
    show_table([("recipe", "what it is", "published result"), *rows])


@app.command()
def replay(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run that was trained with --record.")],
    at: Annotated[
        int | None, typer.Option(metavar="STEP", help="Look at this step: cost, rate, lengths tensor by tensor.")
    ] = None,
    branch_lr: Annotated[float | None, typer.Option(metavar="RATE", help="Leave the training at --at with another rate.")] = None,
    steps: Annotated[int | None, typer.Option(help="How many steps the branch takes; 1000 unless given.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the whole training as one self-contained page with a slider.")] = None,
    fine: Annotated[bool, typer.Option("--fine", help="Fill the page up where snapshots are few; as slow as training.")] = False,
    as_json: Json = False,
) -> None:
    """Go back in a recorded training: to any step, along another branch, or on a page."""
    from byhand.see import replay_terminal
    from byhand.training.replay import open_recording
    from byhand.web.replay_page import write_replay_page

    if steps is not None and branch_lr is None:
        raise ByhandError("--steps is how long a branch is: give its --branch-lr too")
    opened = open_recording(run, strict=False)
    for begin, end in opened.damaged:
        say(f"the recorded costs of steps {begin:,} to {end - 1:,} are damaged, all other numbers are not")
    shown: replay_terminal.RecordingSummary | replay_terminal.RecordedStep | replay_terminal.BranchComparison
    comparison: replay_terminal.BranchComparison | None = None
    if branch_lr is not None:
        shown = comparison = replay_terminal.compare_branch(opened, at or 0, branch_lr, steps)
    elif at is not None:
        shown = replay_terminal.recorded_step(opened, at)
    else:
        shown = replay_terminal.summary(opened)
    if html is not None:
        write_replay_page(opened, html, fine=fine, branch=comparison.branch if comparison else None)
    if as_json:
        show_json(shown.figures() | ({"page": str(html)} if html else {}))
        return
    if html is None or at is not None or branch_lr is not None:
        shown.render(console())
    if html is not None:
        show(f"wrote {literal(html)} ({html.stat().st_size / 1e6:.1f} MB)")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything it writes.")] = Path("demo"),
    epochs: Annotated[int, typer.Option(help="Times through the 50,000 training images.")] = 5,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where the folder holds another training.")] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the drawing page at the end.")] = False,
) -> None:
    """The tour: train Nielsen's network, measure it, explain a step, and draw digits for it."""
    import webbrowser

    from byhand.data import load
    from byhand.draw.curves import draw_confusion, draw_mistakes
    from byhand.see.chosen_step import explain_step
    from byhand.see.page import write_page
    from byhand.training.evaluate import measure
    from byhand.training.recipes import recipe
    from byhand.web.site import write_site

    show("[bold]1. Training[/] Nielsen's network (784-30-10) on 50,000 handwritten digits")
    done = carry_out(recipe("mnist-nielsen-30").changed(epochs=epochs), out, resume=not overwrite, overwrite=overwrite)
    test = load("mnist").test
    measured = measure(done.model.network, test)
    show(f"[bold]2. Measured[/] on {measured.n:,} digits it never saw: [bold]{measured.accuracy:.2%}[/] right")
    draw_mistakes(measured, test, out / "mistakes.png")
    draw_confusion(measured, test, out / "confusion.png")
    show("[bold]3. Explained[/] one step of it, number by number")
    write_page(explain_step(str(out), sample=7), out / "explain.html")
    page = write_site(out / "play", [out / "model.safetensors"], single_file=True)
    written = [
        (out / "curves.png", "the training"),
        (out / "mistakes.png", "its surest mistakes"),
        (out / "explain.html", "one step, with every number"),
    ]
    for path, what in [*written, (page, "draw a digit for it")]:
        show(f"   {literal(path)}  [dim]{what}[/]")
    byhand = literal(sys.argv[0])
    show(
        f"[bold]Next:[/] {byhand} explain {literal(out)} --sample 7 | {byhand} play {literal(out)} | {byhand} train mnist | "
        f"{byhand} recipes"
    )
    if not no_browser and webbrowser.open(page.resolve().as_uri()):
        show("The drawing page opens in your browser.")

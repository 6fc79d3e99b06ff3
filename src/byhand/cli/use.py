"""Commands that use a trained model: eval, predict, complete, import; and the lists of models and data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from byhand.cli.frame import Json, ModelName, app, console, show, show_json, show_table
from byhand.errors import ByhandError, say
from byhand.printable import literal, printable


@app.command("eval")
def evaluate_command(
    model: ModelName,
    data: Annotated[str | None, typer.Option(help="Data to measure on; the model's own unless given.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the pictures.")] = None,
    likelihood: Annotated[
        int | None, typer.Option(metavar="K", help="For a VAE: estimate log p(x) with K importance samples per image.")
    ] = None,
    images: Annotated[int, typer.Option(help="How many images to estimate log p(x) of.")] = 1_000,
    samples: Annotated[int, typer.Option(help="Of a diffusion network: images to draw of each class.")] = 10,
    guidance: Annotated[float, typer.Option(help="Of a diffusion network: 1 follows the class, more exaggerates it.")] = 2.0,
    steps: Annotated[int, typer.Option(help="Of a diffusion network: how often it is asked for an image.")] = 20,
    sampler: Annotated[str, typer.Option(help="Of a diffusion network: ddim, ddpm or dpm_solver.")] = "dpm_solver",
    as_json: Json = False,
) -> None:
    """Measure a model: accuracy, confusions, its worst mistakes; a VAE's bound; whether a judge can read what is drawn."""
    from byhand.draw.evaluation import draw_evaluation
    from byhand.draw.progress import counting
    from byhand.shipped import open_model, place_of
    from byhand.training.evaluate import evaluate
    from byhand.training.evaluate_classifier import ClassifierEvaluation

    opened = open_model(model)
    with counting("drawing") as progress:
        drawing = {"samples": samples, "guidance": guidance, "steps": steps, "sampler": sampler, "progress": progress}
        measured = evaluate(opened, data, likelihood=likelihood, images=images, **(drawing if opened.draws else {}))
    pictures = draw_evaluation(opened.network, measured, out or place_of(model))
    if as_json:
        show_json(measured.figures() | measured.details() | {"pictures": [str(picture) for picture in pictures]})
        return
    show(f"[bold]{literal(measured.headline)}[/]")
    for line in measured.lines():
        show(line)
    if isinstance(measured, ClassifierEvaluation) and measured.bits is None:
        show_confusion(measured.confusion, measured.data.class_names)
    elif measured.rows():
        show_table(measured.rows())
    for picture in pictures:
        show(f"wrote {literal(picture)}")


def show_confusion(confusion: Any, names: tuple[str, ...]) -> None:
    """The true class down, the predicted one across; what is right is dim."""
    from rich.table import Table

    table = Table("", *map(literal, names), box=None, header_style="bold", padding=(0, 1))
    for i, name in enumerate(names):
        cells = [f"[dim]{n}[/]" if i == j else (f"[red]{n}[/]" if n else "[dim]·[/]") for j, n in enumerate(confusion[i])]
        table.add_row(f"[bold]{literal(name)}[/]", *cells)
    console().print(table)


@app.command()
def predict(
    model: ModelName,
    images: Annotated[
        list[Path], typer.Argument(metavar="PICTURES|TABLE", help="Pictures of one character or several, or a table.")
    ],
    ink: Annotated[str, typer.Option(help="auto, white (on black) or black (on white).")] = "auto",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Of a table: the .csv to write; printed unless given.")] = None,
    as_json: Json = False,
) -> None:
    """Read pictures or the rows of a table: the class of each, and how sure the network is; or the number that it tells."""
    from byhand.read_pictures import predict as read
    from byhand.shipped import open_model
    from byhand.training.predict_table import tables_of

    opened = open_model(model)
    if tables_of(opened, images[0]):
        _predict_table(opened, images, out, as_json)
        return
    if out is not None:
        raise ByhandError(f"--out is for the rows of a table, and {model} with {images[0]} reads pictures: leave it out")
    found = read(model, images, ink=ink)
    if as_json:
        show_json({"predictions": [one.figures() for one in found]})
        return
    for one in found:
        told = "blank, there is nothing on it" if one.blank else f"[bold]{literal(one.class_name)}[/] ({one.output:.3f})"
        if one.doubt:
            told = f"{told}, unsure: {one.doubt}"
        if one.characters:
            each = ", ".join(f"[bold]{literal(part.class_name)}[/] ({part.output:.3f})" for part in one.characters)
            told = f"{len(one.characters)} characters, line by line from the left: {each}"
        show(f"{literal(one.image)}: {told}")


def _predict_table(opened: Any, tables: list[Path], out: Path | None, as_json: bool) -> None:
    from byhand.data.tables.table import read_table
    from byhand.training.predict_table import predict_table

    if len(tables) > 1:
        raise ByhandError(f"predict reads one table at a time, got {len(tables)}: call it for each")
    answers = predict_table(opened, read_table(tables[0]))
    for line in answers.told:
        say(line)
    if out is not None:
        answers.write(out)
    if as_json:
        show_json({"predictions": answers.rows()} | ({} if out is None else {"file": str(out)}) | answers.figures)
    elif out is not None:
        show(f"wrote {literal(out)}: {len(answers.lines):,} rows")
    else:
        print(printable(answers.text(), keep="\n"), end="")


@app.command()
def complete(
    model: ModelName,
    prompt: Annotated[str, typer.Argument(help="The text to go on from.")],
    length: Annotated[int, typer.Option(help="Characters to write.")] = 200,
    temperature: Annotated[float, typer.Option(help="1 draws as the network expects; less is safer, 0 the likeliest.")] = 0.8,
    seed: Annotated[int, typer.Option(help="Of the draws: the same seed, the same text.")] = 0,
    as_json: Json = False,
) -> None:
    """Let a model of text (`byhand train attention`) go on writing."""
    from byhand.models.transformer import generate
    from byhand.shipped import open_model

    opened = open_model(model)
    text = generate(opened.classifier, prompt, length, alphabet=opened.class_names, temperature=temperature, seed=seed)
    if as_json:
        show_json({"prompt": prompt, "text": text})
    else:
        print(printable(prompt + text, keep="\n\t"))


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="A .safetensors of full and convolution layers, as PyTorch saves it; or .onnx.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The model file to write.")] = Path("imported.safetensors"),
    layers: Annotated[
        str, typer.Option(help='What stands between the layers, as "conv1 relu pool2 flatten fc1 relu fc2"; relu unless given.')
    ] = "",
    data: Annotated[
        str | None, typer.Option(help="The data that it reads: their shape, scale and classes' names; mnist unless given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a byhand model of somebody else's weights, which every other command takes: explain, predict, eval, play."""
    from byhand.import_weights import import_model
    from byhand.modelfile import save_model

    model = import_model(file, layers, data)
    save_model(out, model)
    if as_json:
        show_json({"model": str(out), "network": repr(model.network), "classes": list(model.class_names)})
        return
    show(f"its outputs, in order, are {literal(', '.join(map(str, model.class_names)))}")
    show(f"wrote {literal(out)}: {literal(repr(model.network))}; see it at work: byhand explain {literal(out)}")


@app.command("export")
def export_command(
    model: Annotated[str, typer.Argument(help="A model that ships, a model file, or the folder of a run.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The file to write; MODEL.onnx unless given.")] = None,
    as_json: Json = False,
) -> None:
    """Write a model as an ONNX file, which other programs run (needs byhand[onnx])."""
    from byhand.onnx_export import export
    from byhand.shipped import open_model

    path = Path(f"{Path(model).stem}.onnx") if out is None else out
    written = export(open_model(model), path)
    if as_json:
        inputs = [{"name": name, "type": str(dtype), "shape": sides} for name, dtype, sides in written.inputs]
        outputs = [{"name": name, "shape": sides} for name, sides in written.outputs]
        show_json({"file": str(path), "inputs": inputs, "outputs": outputs})
        return
    for label, arrays in (("reads", [(name, sides) for name, _, sides in written.inputs]), ("gives", written.outputs)):
        told = (f"{name} ({', '.join('N' if side is None else str(side) for side in sides)})" for name, sides in arrays)
        show(f"{label} {literal(', '.join(told))}")
    show(f"wrote {literal(path)}")


@app.command("models")
def models_command(as_json: Json = False) -> None:
    """The trained models that ship with byhand."""
    from byhand.shipped import measured, overview

    models = overview()
    if as_json:
        show_json({"models": models})
        return
    rows = [(row["name"], row["network"], measured(row), f"{row['bytes'] / 1024:.0f} KiB") for row in models]
    show_table([("model", "network", "on test data", "size"), *rows])


@app.command("data")
def data_command(as_json: Json = False) -> None:
    """The data sets that byhand knows, and where each one is."""
    import dataclasses

    from byhand import data as datasets

    found = datasets.available()
    if as_json:
        show_json({"data": [dataclasses.asdict(row) for row in found]})
        return
    rows = [(r.name, r.description, f"{r.n:,}", "x".join(map(str, r.shape)), str(r.classes), r.where) for r in found]
    show_table([("data", "what it is", "samples", "shape", "classes", "where"), *rows])

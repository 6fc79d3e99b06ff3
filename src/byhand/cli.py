"""The command line: it parses, calls and shows, and decides nothing. Whatever it can do, Python can do in one call."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from byhand.errors import ByhandError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from byhand.data.dataset import Dataset, Splits
    from byhand.modelfile import Model
    from byhand.training.fit import Callback
    from byhand.training.recipes import Recipe
    from byhand.training.run import Run

app = typer.Typer(
    name="byhand",
    help="Neural networks worked out by hand: train them, and see every number of a step with its equation and its code.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output instead of text.")]
ModelName = Annotated[
    str, typer.Argument(metavar="MODEL", help="A .safetensors file, a run's folder, or a shipped model's name.")
]

JUDGES = {10: "mnist-cnn", 62: "emnist-cnn"}  # by how many classes they tell apart


def main() -> None:
    """The entry point: settles the matrix kernels before NumPy comes in, then runs the command."""
    from byhand import blas

    chosen = blas.choose_kernels()
    if "--verbose" in sys.argv:
        sys.argv.remove("--verbose")
        print(chosen, blas.describe(), sep="\n", file=sys.stderr)
    try:
        app()
    except ByhandError as error:
        if "--json" in sys.argv:
            print(json.dumps({"error": str(error)}))
        print(f"byhand: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("byhand: stopped; `--resume` continues a training from its last checkpoint", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe has gone (`byhand ... | head`): there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


@app.command()
def train(
    what: Annotated[
        str, typer.Argument(metavar="RECIPE|DATA", help="A recipe (see `byhand recipes`), or data: a folder, .npz, .csv or .txt.")
    ],
    out: Annotated[Path | None, typer.Option(help="Folder of the run; runs/RECIPE unless given.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's checkpoint, bit for bit.")] = False,
    hidden: Annotated[str | None, typer.Option(help="Hidden units a layer, as in 30 or 100,50.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Times through the data.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate eta.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="sgd, rmsprop, adam or adamw.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples a step.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other setting of the recipe.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, or gpu: experimental, with CuPy, for networks of modules.")] = "cpu",
    record: Annotated[bool, typer.Option("--record", help="Keep what `byhand replay` needs to go back to any step.")] = False,
    record_mb: Annotated[
        float | None, typer.Option("--record-mb", metavar="MB", help="The same, in so many megabytes at most; else 50.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a network and measure it on the test data."""
    from byhand.training.recipes import parse_setting

    given = {"epochs": epochs, "lr": lr, "optimizer": optimizer, "batch_size": batch_size, "seed": seed}
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if hidden is not None:
        changes["hidden"] = _numbers(hidden, "--hidden")
    changes.update(parse_setting(text) for text in settings or [])
    recipe = _recipe_or_data(what).changed(**changes)
    keep = record_mb if record_mb is not None else record
    done = _train(recipe, out or Path("runs") / recipe.name, resume=resume, device=device, record=keep)
    result = _result(done)
    if as_json:
        print(json.dumps(result))
        return
    console = _console()
    console.print(f"[bold]{done.evaluation.headline}[/], in {done.history.seconds:.1f} s", highlight=False)
    console.print(
        f"the model is {result['model']}; see one of its steps: byhand explain {done.folder}", highlight=False, soft_wrap=True
    )


@app.command("eval")
def evaluate_command(
    model: ModelName,
    data: Annotated[str | None, typer.Option(help="Data to measure on; the model's own unless given.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the pictures.")] = None,
    likelihood: Annotated[
        int | None, typer.Option(metavar="K", help="Of a VAE: estimate log p(x) with K importance samples an image.")
    ] = None,
    images: Annotated[int, typer.Option(help="How many images to estimate log p(x) of.")] = 1_000,
    samples: Annotated[int, typer.Option(help="Of a diffusion network: images to draw of each class.")] = 10,
    guidance: Annotated[float, typer.Option(help="Of a diffusion network: 1 follows the class, more exaggerates it.")] = 2.0,
    steps: Annotated[int, typer.Option(help="Of a diffusion network: how often it is asked for an image.")] = 20,
    sampler: Annotated[str, typer.Option(help="Of a diffusion network: ddim, ddpm or dpm_solver.")] = "dpm_solver",
    as_json: Json = False,
) -> None:
    """Measure a model: accuracy, confusions, its worst mistakes; a VAE's bound; whether a judge can read what is drawn."""
    from byhand import data as datasets
    from byhand.shipped import find_model, open_model

    opened = open_model(model)
    own = opened.preprocessing
    splits = datasets.load(data) if data else datasets.load(own.get("data", "mnist"), **own.get("data_options", {}))
    test = splits.test
    folder = out or (Path("runs") / model if not Path(model).exists() else find_model(model).parent)
    if opened.has_codes:
        result = _evaluate_codes(opened, test, folder, likelihood, images)
    elif likelihood is not None:
        raise ByhandError(f"--likelihood is of a VAE's images, but {model} is none: leave it out")
    elif opened.draws:
        settings = {"guidance": guidance, "steps": steps, "sampler": sampler}
        result = _evaluate_samples(opened, splits, folder, samples, settings)
    else:
        result = _evaluate_classes(opened, test, folder)
    headline, table = result.pop("headline"), result.pop("table")
    if as_json:
        print(json.dumps(result))
        return
    console = _console()
    console.print(f"[bold]{headline}[/]", highlight=False)
    if "log_likelihood" in result:
        images_of = f"{result['likelihood_n']:,} {'black and white ' if result['binarised'] else ''}images"
        console.print(
            f"log p(x) {result['log_likelihood']:.2f} ± {result['log_likelihood_error']:.2f} nats an image "
            f"({likelihood:,} samples each for {images_of})",
            highlight=False,
        )
    if result.get("accuracy_merged") is not None:
        console.print(f"{result['accuracy_merged']:.2%} where c and C, o and O and their like count as one", highlight=False)
    if table is not None:
        console.print(table)
    for picture in result["pictures"]:
        console.print(f"wrote {picture}", highlight=False, soft_wrap=True)


def _evaluate_classes(opened: Model, test: Dataset, folder: Path) -> dict[str, Any]:
    from byhand.draw.curves import draw_confusion, draw_mistakes
    from byhand.training.evaluate import evaluate

    if opened.reads_text and opened.class_names != test.class_names:
        raise ByhandError(f"{test.name} has other characters than the model was trained on: measure it on its own text")
    measured = evaluate(opened.classifier, test)
    result: dict[str, Any] = measured.figures() | {"pictures": [], "table": None}
    result["headline"] = f"{measured.headline}, cost {measured.cost:.4f}"
    if not opened.reads_text:  # a table of all characters by all characters tells nobody anything
        result["confusion"] = measured.confusion.tolist()
        result["table"] = _confusion_table(measured.confusion, test.class_names)
        draw_confusion(measured, test, folder / "confusion.png")
        result["pictures"].append(str(folder / "confusion.png"))
    if test.inputs.ndim == 4 and len(measured.worst):
        draw_mistakes(measured, test, folder / "mistakes.png")
        result["pictures"].append(str(folder / "mistakes.png"))
    return result


def _evaluate_codes(opened: Model, test: Dataset, folder: Path, samples: int | None, images: int) -> dict[str, Any]:
    from rich.table import Table

    from byhand.data.binarise import binarised
    from byhand.draw import codes
    from byhand.models.conv_codes import ConvVAE
    from byhand.models.vae import VAE
    from byhand.training.evaluate_codes import evaluate_codes

    network, black_and_white = opened.coder, bool(opened.preprocessing.get("binarised"))
    measured = evaluate_codes(network, test, binarise=black_and_white)
    result: dict[str, Any] = measured.figures() | {"headline": measured.headline, "table": None, "binarised": black_and_white}
    result["pictures"] = [str(path) for path in codes.draw_all(network, test, folder)]
    if measured.kl_of is not None:
        result["table"] = Table("dimension", "KL, nats", box=None, header_style="bold")
        for dimension, kl in enumerate(measured.kl_of):
            result["table"].add_row(str(dimension), f"{kl:.2f}" + ("  unused" if dimension in measured.dead else ""))
    if samples is not None:
        if not isinstance(network, (VAE, ConvVAE)):
            raise ByhandError("--likelihood is of a VAE's images, but this is an autoencoder: leave it out")
        if not 1 <= images <= len(test):
            raise ByhandError(f"--images is {images:,}, but {test.name} has 1 to {len(test):,}: choose one of them")
        chosen = slice(None, images * (len(test) // images), len(test) // images)  # evenly, as the first may be the easiest
        x = (binarised(test.flat) if black_and_white else test.flat)[chosen]
        y = test.take(chosen).targets(network.dtype) if network.classes else None
        found = network.log_likelihood(x, samples, y)
        result |= {"log_likelihood": float(found.mean()), "log_likelihood_error": float(found.std() / len(found) ** 0.5)}
        result |= {"likelihood_n": len(found), "likelihood_samples": samples}
    return result


def _evaluate_samples(opened: Model, splits: Splits, folder: Path, each: int, settings: dict[str, Any]) -> dict[str, Any]:
    import numpy as np
    from rich.table import Table

    from byhand.draw.progress import counting
    from byhand.draw.samples import draw_samples
    from byhand.shipped import open_model
    from byhand.training.encode import imaging
    from byhand.training.evaluate_samples import evaluate_samples, even_labels

    if each < 1:
        raise ByhandError(f"--samples is {each}, but it is 1 or more of each class")
    network, judge = imaging(opened), JUDGES.get(splits.test.n_classes)
    if judge is None or splits.test.inputs.shape[1:] != (28, 28, 1):
        raise ByhandError(f"there is no judge of {splits.test.name}: only images of MNIST's and EMNIST's classes can be measured")
    labels = even_labels(network.classes, each)
    drawn = []
    with counting("drawing") as progress:
        for i in range(each):
            names = [f"{i}.{name}" for name in splits.test.class_names]
            drawn.append(network.sample(names, labels[: network.classes], **settings))
            if progress is not None:
                progress(i + 1, each)
    images = np.concatenate(drawn)
    measured = evaluate_samples(images, labels, splits.train, splits.test, open_model(judge).classifier)
    few = slice(0, min(each, 10) * network.classes)
    draw_samples(images[few], labels[few].tolist(), splits.test.class_names, folder / "samples.png")
    table = Table("", "drawn", "real", box=None, header_style="bold")
    table.add_row("the judge reads right", f"{measured.accuracy:.1%}", f"{measured.real:.1%}")
    if measured.merged is not None:
        table.add_row("c and C counted as one", f"{measured.merged:.1%}", f"{measured.real_merged:.1%}")
    table.add_row("Fréchet distance to the real ones", f"{measured.frechet:.2f}", f"{measured.halves:.2f} between halves")
    table.add_row("to the nearest training image", f"{measured.nearest:.3f}", f"{measured.nearest_real:.3f}")
    table.add_row("nearer than 999 of 1,000 real ones", f"{measured.copies:.2%}", "0.10%")
    figures = measured.figures() | settings
    return figures | {"headline": measured.headline, "table": table, "pictures": [str(folder / "samples.png")]}


@app.command()
def predict(
    model: ModelName,
    images: Annotated[list[Path], typer.Argument(help="Pictures of one character each.")],
    ink: Annotated[str, typer.Option(help="auto, white (on black) or black (on white).")] = "auto",
    as_json: Json = False,
) -> None:
    """Read pictures: the class of each, and how sure the network is."""
    import numpy as np

    from byhand.data.prepare import prepare_file
    from byhand.shipped import open_model

    opened = open_model(model)
    if opened.reads_text:
        raise ByhandError(f'{model} reads no pictures, it continues text: byhand complete {model} "byhand is"')
    rows = []
    for path in images:
        pixels = prepare_file(path, ink).pixels
        outputs = opened.classifier.forward(pixels.reshape(1, -1).astype(np.float32) / 255)[0]
        names = opened.class_names or tuple(map(str, range(len(outputs))))
        best = int(outputs.argmax())
        rows.append(
            {
                "image": str(path),
                "class": names[best],
                "output": float(outputs[best]),
                "outputs": dict(zip(names, outputs.tolist(), strict=True)),
            }
        )
    if as_json:
        print(json.dumps({"predictions": rows}))
        return
    for row in rows:
        _console().print(f"{row['image']}: [bold]{row['class']}[/] ({row['output']:.3f})", highlight=False, soft_wrap=True)


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
    print(json.dumps({"prompt": prompt, "text": text}) if as_json else prompt + text)


@app.command()
def explain(
    what: Annotated[str, typer.Argument(metavar="MODEL|RECIPE", help="A trained model, or a recipe as it begins.")],
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
    html: Annotated[Path | None, typer.Option(help="Write the same as one self-contained page.")] = None,
    number: Annotated[
        str | None, typer.Option(metavar="NAME:I,J", help="What one number was made of, as z2:0,5 or w2.gradient:5,400.")
    ] = None,
    epoch: Annotated[
        bool, typer.Option("--epoch", help="Who pushed the --weight (or --number 0.weight:1,1,0,5) over the last epoch.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show every number of one real training step, with its equation and the code that computed it."""
    if number is not None or epoch:
        _ask(what, number, weight or [], epoch, step, sample, as_json)
        return
    from byhand.see.as_json import to_dict
    from byhand.see.choose import explain_step
    from byhand.see.page import write_page
    from byhand.see.terminal import render

    explanation = explain_step(what, sample=sample, step=step, weights=weight or [], at=at or [])
    if html is not None:
        write_page(explanation, html)
    if as_json:
        print(json.dumps(to_dict(explanation) | ({"page": str(html)} if html else {})))
    elif html is not None:
        _console().print(f"wrote {html}", highlight=False, soft_wrap=True)
    else:
        render(explanation, _console())


def _ask(
    what: str, number: str | None, weights: list[str], epoch: bool, step: int | None, sample: int | None, as_json: bool
) -> None:
    import dataclasses

    from byhand.see.asked import epoch_of, number_of, render_made

    if epoch:
        asked = [number] if number is not None else weights
        if len(asked) != 1:
            raise ByhandError("--epoch is of one weight: give --weight 2:5,400, or --number 0.weight:1,1,0,5")
        over = epoch_of(what, asked[0], step=step)
        print(json.dumps(over.figures())) if as_json else over.render(_console())
        return
    made = number_of(what, number or "", step=step, sample=sample)
    print(json.dumps(dataclasses.asdict(made))) if as_json else render_made(made, _console())


@app.command()
def doctor(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|RUN|SCRIPT.py:MAKE", help="A recipe, a run's folder, or a function that returns a byhand.Patient."
        ),
    ],
    checks: Annotated[bool, typer.Option("--checks", help="Also print everything that was measured and found in order.")] = False,
    as_json: Json = False,
) -> None:
    """Find out why a network runs but does not learn: what is wrong, where, how that is known, and what to change."""
    from byhand.draw.progress import telling
    from byhand.see.doctor import examine, open_patient
    from byhand.see.doctor.terminal import render

    with telling("the doctor") as progress:
        report = examine(open_patient(what), progress)
    if as_json:
        print(json.dumps(report.to_dict()))
        return
    render(report, _console(), checks)


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="A .safetensors of full and convolution layers, as PyTorch saves it.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The model file to write.")] = Path("imported.safetensors"),
    layers: Annotated[
        str, typer.Option(help='What stands between the layers, as "conv1 relu pool2 flatten fc1 relu fc2"; relu unless given.')
    ] = "",
    data: Annotated[str, typer.Option(help="The data that it reads: their shape and the names of their classes.")] = "mnist",
    as_json: Json = False,
) -> None:
    """Make a byhand model of somebody else's weights, which every other command takes: explain, predict, eval, play."""
    from byhand import data as datasets
    from byhand.foreign import open_foreign
    from byhand.modelfile import save_model

    train = datasets.load(data).train
    model = open_foreign(file, train.inputs.shape[1:], layers, train.class_names)
    model.preprocessing["data"] = data
    save_model(out, model)
    if as_json:
        print(json.dumps({"model": str(out), "network": repr(model.network)}))
        return
    _console().print(f"wrote {out}: {model.network!r}; see it at work: byhand explain {out}", highlight=False, soft_wrap=True)


@app.command()
def latent(
    out: Annotated[Path, typer.Option("--out", "-o", help="The animation: .gif, .png (APNG), .webp or .mp4.")] = Path("walk.gif"),
    start: Annotated[str, typer.Option("--from", help="A class, @N for the N-th test image, or a picture of your own.")] = "2",
    end: Annotated[str, typer.Option("--to", help="The same, for the end of the way.")] = "7",
    models: Annotated[
        list[str] | None, typer.Option("--model", help="An autoencoder or VAE; again for more, side by side.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Pictures from one end to the other.")] = 40,
    spherical: Annotated[bool, typer.Option("--spherical", help="Keep the distance from the origin on the way.")] = False,
    style: Annotated[str, typer.Option(help="dark, light or paper.")] = "dark",
    figure: Annotated[Path | None, typer.Option(help="Also write the walk as a strip for print, a .png.")] = None,
    as_json: Json = False,
) -> None:
    """Walk through latent spaces from one image to another: the autoencoder beside the VAE, as an animation."""
    from byhand.latent import MODELS, write_walk

    written = write_walk(
        out, start=start, end=end, models=models or MODELS, steps=steps, spherical=spherical, style=style, figure=figure
    )
    if as_json:
        print(json.dumps({"files": [str(path) for path in written.files], "models": list(written.walk.names), "steps": steps}))
        return
    for path in written.files:
        _console().print(f"wrote {path} ({path.stat().st_size / 1024:.0f} KiB)", highlight=False, soft_wrap=True)


@app.command()
def diffuse(
    out: Annotated[Path, typer.Option("--out", "-o", help="The animation: .gif, .png (APNG), .webp or .mp4.")] = Path(
        "moons.gif"
    ),
    model: Annotated[str, typer.Option(help="A diffusion model of points in the plane.")] = "moons-diffusion",
    particles: Annotated[int, typer.Option(help="How many points are shown.")] = 700,
    steps: Annotated[int, typer.Option(help="Steps from noise to data.")] = 50,
    guidance: Annotated[float, typer.Option(help="1 follows each point's class, more exaggerates it.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    style: Annotated[str, typer.Option(help="dark, light or paper.")] = "dark",
    as_json: Json = False,
) -> None:
    """See the whole of diffusion in the plane: points become noise, and noise becomes points."""
    from byhand.diffuse import write_particles

    write_particles(out, model=model, particles=particles, steps=steps, guidance=guidance, seed=seed, style=style)
    size = f"{out.stat().st_size / 1024:.0f} KiB"
    print(json.dumps({"file": str(out)}) if as_json else f"wrote {out} ({size})")


@app.command()
def write(
    text: Annotated[str, typer.Argument(help="What to write; a line end begins a new line.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help=".gif, .apng, .webp or .mp4 move; .png and .svg are the finished writing.")
    ] = Path("writing.gif"),
    model: Annotated[str, typer.Option(help="pixels (the U-Net), latent (coarser, much faster), or a model.")] = "pixels",
    steps: Annotated[int, typer.Option(help="How often the network is asked for each letter.")] = 50,
    guidance: Annotated[float, typer.Option(help="1 follows the letter, more exaggerates it.")] = 2.0,
    sampler: Annotated[str, typer.Option(help="ddim, ddpm or dpm_solver (good with 12 steps).")] = "ddim",
    seed: Annotated[int, typer.Option(help="The same seed, the same writing.")] = 7,
    width: Annotated[int, typer.Option(help="Characters a line.")] = 12,
    style: Annotated[str, typer.Option(help="dark, light, paper or transparent.")] = "dark",
    scale: Annotated[float, typer.Option(help="Size of the picture: 1 makes a capital 46 pixels high.")] = 1.0,
    best_of: Annotated[
        int, typer.Option("--best-of", help="Draw a letter that a network cannot read anew, so many times in all.")
    ] = 4,
    skip_unknown: Annotated[bool, typer.Option("--skip-unknown", help="Leave a blank for what cannot be written.")] = False,
    as_json: Json = False,
) -> None:
    """Write a sentence by hand: a diffusion network draws its letters out of noise."""
    from byhand.draw.progress import counting
    from byhand.writing.sentence import check, compose, save

    check(out, style)
    with counting("drawing", quiet=as_json) as progress:
        sentence = compose(
            text,
            model=model,
            steps=steps,
            guidance=guidance,
            sampler=sampler,
            seed=seed,
            width=width,
            best_of=best_of,
            skip_unknown=skip_unknown,
            progress=progress,
        )
    save(sentence, out, style=style, scale=scale)
    if as_json:
        read = [letter.read for letter in sentence.letters]
        print(json.dumps({"file": str(out), "lines": sentence.lines, "notes": sentence.notes, "read": read}))
        return
    console = _console()
    for note in sentence.notes:
        console.print(note, style="dim", highlight=False)
    console.print(f"wrote {out} ({out.stat().st_size / 1024:.0f} KiB)", highlight=False, soft_wrap=True)


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
    from byhand.see import replayed
    from byhand.training.replay import open_recording
    from byhand.web.replay_page import write_replay_page

    if steps is not None and branch_lr is None:
        raise ByhandError("--steps is how long a branch is: give its --branch-lr too")
    opened = open_recording(run, strict=False)
    shown: replayed.Summary | replayed.Moment | replayed.Parting
    parting: replayed.Parting | None = None
    if branch_lr is not None:
        shown = parting = replayed.parting(opened, at or 0, branch_lr, steps)
    elif at is not None:
        shown = replayed.moment(opened, at)
    else:
        shown = replayed.summary(opened)
    if html is not None:
        write_replay_page(opened, html, fine=fine, branch=parting.branch if parting else None)
    if as_json:
        print(json.dumps(shown.figures() | ({"page": str(html)} if html else {})))
        return
    if html is None or at is not None or branch_lr is not None:
        shown.render(_console())
    if html is not None:
        _console().print(f"wrote {html} ({html.stat().st_size / 1e6:.1f} MB)", highlight=False, soft_wrap=True)


@app.command("recipes")
def recipes_command(as_json: Json = False) -> None:
    """The named set-ups that `train` knows."""
    import dataclasses

    from rich.table import Table

    from byhand.training.recipes import RECIPES

    if as_json:
        print(json.dumps({"recipes": [dataclasses.asdict(recipe) for recipe in RECIPES.values()]}))
        return
    table = Table("recipe", "what it is", "the source reports", box=None, header_style="bold")
    for recipe in RECIPES.values():
        table.add_row(recipe.name, recipe.about, recipe.reports)
    _console().print(table)


@app.command("models")
def models_command(as_json: Json = False) -> None:
    """The trained models that ship with byhand."""
    from rich.table import Table

    from byhand.shipped import open_model, shipped

    rows: list[dict[str, Any]] = []
    for name, path in shipped().items():
        opened = open_model(name)
        figures = {key: value for key, value in opened.metrics.items() if isinstance(value, float)}
        rows.append({"name": name, "network": repr(opened.network), "bytes": path.stat().st_size, **figures})
    if as_json:
        print(json.dumps({"models": rows}))
        return
    table = Table("model", "network", "on test data", "size", box=None, header_style="bold")
    for row in rows:
        table.add_row(row["name"], row["network"], _measured(row), f"{row['bytes'] / 1024:.0f} KiB")
    _console().print(table)


def _measured(figures: dict[str, float]) -> str:
    """What a model is worth, in a few words."""
    words = {
        "test_accuracy": "{:.2%} right",
        "test_accuracy_merged": "{:.2%} merged",
        "test_bits_per_character": "{:.2f} bits per character",
        "test_elbo": "ELBO {:.1f} nats",
        "test_log_likelihood": "log p(x) {:.2f} nats",
        "test_error": "squared error {:.4f} a pixel",
    }
    return ", ".join(text.format(figures[key]) for key, text in words.items() if key in figures)


@app.command("data")
def data_command(as_json: Json = False) -> None:
    """The data sets that byhand knows, and where each one is."""
    import dataclasses

    from rich.table import Table

    from byhand import data as datasets

    found = datasets.available()
    if as_json:
        print(json.dumps({"data": [dataclasses.asdict(row) for row in found]}))
        return
    table = Table("data", "what it is", "samples", "shape", "classes", "where", box=None, header_style="bold")
    for row in found:
        table.add_row(row.name, row.description, f"{row.n:,}", "x".join(map(str, row.shape)), str(row.classes), row.where)
    _console().print(table)


@app.command()
def play(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="The model to begin with; the best that ships unless given.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
) -> None:
    """Open the page on which one draws a digit and sees the network read it."""
    from byhand.shipped import find_model
    from byhand.web.server import play as serve

    serve(find_model(model) if model else None, host=host, port=port, open_browser=not no_browser)


@app.command()
def microscope(
    what: Annotated[str, typer.Argument(metavar="RECIPE|MODEL|RUN", help="What `byhand explain` takes too.")],
    step: Annotated[
        int | None, typer.Option(help="Take this many training steps before; of a recorded run, it is that step of the run.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
) -> None:
    """Open a page on which one walks through a training step, and asks of any number what it was made of."""
    from byhand.see.choose import check_named
    from byhand.web.server import play as serve

    check_named(what)
    serve(None, host=host, port=port, open_browser=not no_browser, what=what, step=step)


@app.command()
def site(
    directory: Annotated[Path, typer.Argument(help="Folder to write into.")],
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Models to offer; all that ship unless given.")
    ] = None,
    single_file: Annotated[bool, typer.Option("--single-file", help="One HTML file with everything inside.")] = False,
    as_json: Json = False,
) -> None:
    """Write the page as static files, for any web host or a blog."""
    from byhand.shipped import find_model
    from byhand.web.site import write_site

    page = write_site(directory, [find_model(name) for name in models or []], single_file)
    print(json.dumps({"page": str(page)}) if as_json else f"wrote {page}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything it writes.")] = Path("demo"),
    epochs: Annotated[int, typer.Option(help="Times through the 50,000 training images.")] = 5,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the drawing page at the end.")] = False,
) -> None:
    """The tour: train Nielsen's network, measure it, explain a step, and draw digits for it."""
    import webbrowser

    from byhand.data import load
    from byhand.draw.curves import draw_confusion, draw_mistakes
    from byhand.see.choose import explain_step
    from byhand.see.page import write_page
    from byhand.training.evaluate import evaluate
    from byhand.training.recipes import recipe
    from byhand.web.site import write_site

    console = _console()
    console.print("[bold]1. Training[/] Nielsen's network (784-30-10) on 50,000 handwritten digits", highlight=False)
    done = _train(recipe("mnist-nielsen-30").changed(epochs=epochs), out, resume=False)
    test = load("mnist").test
    measured = evaluate(done.model.classifier, test)
    console.print(f"[bold]2. Measured[/] on {measured.n:,} digits it never saw: [bold]{measured.accuracy:.2%}[/] right")
    draw_mistakes(measured, test, out / "mistakes.png")
    draw_confusion(measured, test, out / "confusion.png")
    console.print("[bold]3. Explained[/] one step of it, number by number")
    write_page(explain_step(str(out), sample=7), out / "explain.html")
    page = write_site(out / "play", [out / "model.safetensors"], single_file=True)
    written = [
        (out / "curves.png", "the training"),
        (out / "mistakes.png", "its surest mistakes"),
        (out / "explain.html", "one step, with every number"),
    ]
    for path, what in [*written, (page, "draw a digit for it")]:
        console.print(f"   {path}  [dim]{what}[/]", highlight=False, soft_wrap=True)
    byhand = Path(sys.argv[0])
    console.print(
        "[bold]Next:[/]",
        f"{byhand} explain {out} --sample 7 | {byhand} play {out} | {byhand} train mnist | {byhand} recipes",
        highlight=False,
        soft_wrap=True,
    )
    if not no_browser and webbrowser.open(page.resolve().as_uri()):
        console.print("The drawing page opens in your browser.")


# ---------------------------------------------------------------- between the commands and the package


def _console() -> Console:
    from rich.console import Console

    return Console()


def _numbers(text: str, option: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ByhandError(f"{option} is {text!r}, but it is units a layer, as in 30 or 100,50") from None


def _recipe_or_data(what: str) -> Recipe:
    """A recipe by its name; or, for a data set or a path, the plain network on that data."""
    from byhand.training.recipes import Recipe, recipe

    path = Path(what)
    if path.suffix == ".txt":
        return recipe("attention").changed(name=path.stem, data=what)
    if path.exists() or path.suffix in {".csv", ".npz"} or what == "emnist":
        return Recipe(path.stem, data=what, output="softmax", cost="cross_entropy", lr=0.5)
    return recipe(what)


def _train(recipe: Recipe, folder: Path, *, resume: bool, device: str = "cpu", record: bool | float = False) -> Run:
    from rich.console import Console

    from byhand.draw.curves import draw_curves
    from byhand.draw.progress import ProgressBar
    from byhand.training.run import load_splits, run

    bar = ProgressBar(Console(stderr=True))
    splits = load_splits(recipe)
    if splits.note:
        bar.console.print(splits.note, style="dim", highlight=False)
    callbacks = [bar, *_sheets(recipe, splits, folder)]
    with _closing(bar):
        done = run(recipe, folder, resume=resume, callbacks=callbacks, splits=splits, device=device, record=record)
    draw_curves(done.history, done.evaluation, recipe.name, folder / "curves.png")
    return done


def _sheets(recipe: Recipe, splits: Splits, folder: Path) -> list[Callback]:
    """What draws samples as a diffusion network learns; nothing for other networks, and for what is no image."""
    from byhand.draw.samples import SampleSheet
    from byhand.shipped import open_model

    coder = open_model(recipe.codes_of).coder if recipe.codes_of else None
    if recipe.model != "diffusion" or (coder is None and splits.train.inputs.shape[1:] != (28, 28, 1)):
        return []
    return [SampleSheet(splits.train.class_names, folder, coder)]


@contextmanager
def _closing(bar: Any) -> Iterator[None]:
    try:
        yield
    finally:
        bar.close()


def _result(done: Run) -> dict[str, Any]:
    evaluation = done.evaluation
    return {
        "model": str(done.folder / "model.safetensors"),
        "run": str(done.folder),
        "seconds": done.history.seconds,
        **evaluation.figures(),
        "epochs": len(done.history.epochs),
    }


def _confusion_table(confusion: Any, names: tuple[str, ...]) -> Any:
    from rich.table import Table

    table = Table("", *names, box=None, header_style="bold", padding=(0, 1))
    for i, name in enumerate(names):
        cells = [f"[dim]{n}[/]" if i == j else (f"[red]{n}[/]" if n else "[dim]·[/]") for j, n in enumerate(confusion[i])]
        table.add_row(f"[bold]{name}[/]", *cells)
    return table


if __name__ == "__main__":
    main()

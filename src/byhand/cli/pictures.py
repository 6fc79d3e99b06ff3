"""Commands that write pictures and animations: latent, draw, diffuse, write."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from byhand.cli.frame import Json, app, show, show_json
from byhand.printable import literal


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
        show_json({"files": [str(path) for path in written.files], "models": list(written.walk.names), "steps": steps})
        return
    for path in written.files:
        show(f"wrote {literal(path)} ({path.stat().st_size / 1024:.0f} KiB)")


@app.command()
def draw(
    model: Annotated[str, typer.Argument(help="A diffusion model, a GAN or a VAE of images.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture, a .png.")] = Path("samples.png"),
    count: Annotated[int, typer.Option("-n", help="How many are drawn.")] = 64,
    of_class: Annotated[str | None, typer.Option("--class", help="Only of this class; else all take turns.")] = None,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    as_json: Json = False,
) -> None:
    """Draw samples out of noise, side by side in one picture."""
    from byhand.draw.samples import draw_model

    drawn = draw_model(model, out, count=count, seed=seed, of_class=of_class)
    show_json({"file": str(out), "samples": drawn}) if as_json else show(f"wrote {literal(out)}: {drawn} samples")


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
    show_json({"file": str(out)}) if as_json else show(f"wrote {literal(out)} ({size})")


@app.command()
def write(
    text: Annotated[str, typer.Argument(help="What to write; a line end begins a new line.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help=".gif, .apng, .webp or .mp4 move; .png and .svg are the finished writing.")
    ] = Path("writing.gif"),
    model: Annotated[str, typer.Option(help="pixels (the U-Net), latent (coarser, much faster), or a model.")] = "pixels",
    steps: Annotated[int, typer.Option(help="How often the network is asked for each letter.")] = 8,
    guidance: Annotated[float, typer.Option(help="1 follows the letter, more exaggerates it.")] = 2.0,
    sampler: Annotated[str, typer.Option(help="dpm_solver, or ddim or ddpm, which need about 50 steps.")] = "dpm_solver",
    seed: Annotated[int, typer.Option(help="The same seed, the same writing.")] = 7,
    width: Annotated[int, typer.Option(help="Characters a line.")] = 12,
    style: Annotated[str, typer.Option(help="dark, light, paper or transparent.")] = "dark",
    scale: Annotated[float, typer.Option(help="Size of the picture: 1 makes a capital 46 pixels high.")] = 1.0,
    best_of: Annotated[
        int, typer.Option("--best-of", help="Draw a letter that a network cannot read anew, so many times in all.")
    ] = 4,
    slant: Annotated[float | None, typer.Option(help="Degrees by which the letters lean; the seed's own unless given.")] = None,
    pen: Annotated[float | None, typer.Option(help="Width of the pen, 1 is usual; the seed's own unless given.")] = None,
    hand: Annotated[Path | None, typer.Option(help="Your own hand: a folder of `byhand hand train`.")] = None,
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
            slant=slant,
            pen=pen,
            own=hand,
            skip_unknown=skip_unknown,
            progress=progress,
        )
    save(sentence, out, style=style, scale=scale)
    if as_json:
        read = [letter.read for letter in sentence.letters]
        show_json({"file": str(out), "lines": sentence.lines, "notes": sentence.notes, "read": read})
        return
    for note in sentence.notes:
        show(f"[dim]{literal(note)}[/]")
    show(f"wrote {literal(out)} ({out.stat().st_size / 1024:.0f} KiB)")

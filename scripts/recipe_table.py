"""Run every recipe from the command line and write what came out into docs/recipes.md.

    python scripts/recipe_table.py [FOLDER]

The runs are left in FOLDER (runs/ unless given); those that are finished there are not run again,
and one that was cut off goes on.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from byhand.training.recipes import RECIPES, Recipe

DOCS = Path(__file__).parent.parent / "docs" / "recipes.md"
HEAD = """# The recipes, and what running them gives

Each is a named, seeded set-up: `byhand train NAME` runs it, twice to the same bits on one machine. [Runs](runs.md) tells
what is in the folder of a run, and how none is lost. The tables are
written by `python scripts/recipe_table.py`, which runs each recipe from the command line; nothing in them is typed by hand.
All is measured on test data that the training never saw, with the parameters of the last epoch (no choosing by test accuracy).

"""
CLASSES = """## They tell classes apart

| recipe | what it is | network | epochs | seconds | test accuracy | its source reports |
|---|---|---|---|---|---|---|
"""
CODES = """
## They give images back through a code

The error is the mean squared one of a pixel in [0, 1]; bound, reconstruction and divergence are in nats an image.

| recipe | what it is | network | epochs | seconds | error | bound on log p(x) | reconstruction | divergence | dimensions in use |
|---|---|---|---|---|---|---|---|---|---|
"""
DRAWS = """
## They draw

The cost is the (weighted) mean squared error of the network's answers on test samples; of a GAN its discriminator's, 1.386 where
it can tell nothing. What the drawings are worth is measured in [diffusion.md](diffusion.md) and [gan.md](gan.md).

| recipe | what it is | network | epochs | seconds | cost |
|---|---|---|---|---|---|
"""


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs")
    classes, codes, draws = [], [], []
    for name, recipe in RECIPES.items():
        result = folder / f"{name}.json"
        if not result.exists():
            command = [sys.executable, "-m", "byhand.cli", "train", name, "--out", str(folder / name), "--resume", "--json"]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8")
            result.parent.mkdir(parents=True, exist_ok=True)
            result.write_text(done.stdout, encoding="utf-8")
        found = json.loads(result.read_text(encoding="utf-8"))
        row = f"| `{name}` | {recipe.about} | {network(recipe)} | {found['epochs']} | {found['seconds']:.1f} |"
        if "error" in found:
            codes.append(f"{row} {found['error']:.4f} | {bound(found)} |")
        elif recipe.model in ("diffusion", "gan"):
            draws.append(f"{row} {found['cost']:.4f} |")
        else:
            classes.append(f"{row} {right(found)} | {recipe.reports} |")
    machine = f"\nMeasured on 2 cores of an {platform.machine()} server, Python {platform.python_version()}. Of the\n"
    machine += (
        "networks with convolutions, attention or codes the seconds were taken while others computed on the same two cores;\n"
    )
    machine += "on a quiet machine `mnist-cnn` takes 24.5 s an epoch, 6.5 minutes in all.\n"
    tables = [HEAD + CLASSES, *classes, CODES, *codes, DRAWS, *draws, machine]
    text = "\n".join(table.rstrip("\n") if table.endswith("|\n") else table for table in tables)
    DOCS.write_text(text, encoding="utf-8")
    print(f"wrote {DOCS}")


def network(recipe: Recipe) -> str:
    options = recipe.model_options
    if recipe.model == "cnn":
        head = f", a hidden layer of {options['head']}" if options.get("head") else ""
        return f"3x3 convolutions in pairs, {'-'.join(map(str, options['channels']))} channels{head}, {recipe.cost}"
    if recipe.model == "transformer":
        return f"{options['depth']} blocks, {options['heads']} heads, {options['width']} wide"
    if recipe.model == "lstm":
        return f"{options.get('depth', 1)} LSTM, {options['width']} wide"
    if recipe.model.startswith("conv"):
        return f"convolutions, {'-'.join(map(str, options['channels']))} channels, {options['latent']} numbers"
    if recipe.model == "diffusion":
        if "channels" in options:
            return f"U-Net, {'-'.join(map(str, options['channels']))} channels"
        return f"{options.get('depth', 3)} blocks, {options['width']} wide"
    if recipe.model == "gan":
        return f"two players, {options['latent']} numbers of noise, {options['width']} wide"
    if recipe.model in ("autoencoder", "vae", "iwae"):
        return (
            f"{'-'.join(map(str, ('in', *recipe.hidden, options['latent'], *recipe.hidden[::-1], 'out')))}, {recipe.activation}"
        )
    return f"{'-'.join(map(str, ('in', *recipe.hidden, 'out')))}, {recipe.activation}/{recipe.output}, {recipe.cost}"


def right(found: dict[str, Any]) -> str:
    text = f"**{found['accuracy']:.2%}** of {found['n']:,}"
    if "accuracy_merged" in found:
        text += f"; {found['accuracy_merged']:.2%} where c and C and their like count as one"
    if "bits_per_character" in found:
        text = f"**{found['bits_per_character']:.3f} bits per character**; {found['accuracy']:.1%} of {found['n']:,} characters"
    return text


def bound(found: dict[str, Any]) -> str:
    if "elbo" not in found:
        return f"| {found['cost']:.2f} | |"
    used = len(found["kl_of"]) - len(found["dead"])
    return f"**{found['elbo']:.2f}** | {found['reconstruction']:.2f} | {found['kl']:.2f} | {used} of {len(found['kl_of'])}"


if __name__ == "__main__":
    main()

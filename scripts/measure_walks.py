"""Measure what the walk from a 2 to a 7 shows: how much of the way the networks draw digits, and how sharp they are.

    python scripts/measure_walks.py [--walks 500] [--steps 41] [MODEL ...]

Straight and spherical walks between random test digits of different classes (seeded), drawn by each model (`mnist-ae` and
`mnist-vae` unless given). A frame counts where the judge, `mnist-cnn`, takes it for *some* digit with p >= 0.9. Writes
docs/pictures/walks.png and the table in docs/latent.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from byhand import data
from byhand.draw.curves import figure_of, save_figure
from byhand.draw.latent_walk import way
from byhand.shipped import open_model

DOCS = Path(__file__).parent.parent / "docs"
BEGIN, END = "<!-- measured by scripts/measure_walks.py -->", "<!-- end -->"
SURE = 0.9
COLOURS = ("#d9480f", "#1c7ed6", "#2b8a3e", "#862e9c")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["mnist-ae", "mnist-vae"])
    parser.add_argument("--walks", type=int, default=500)
    parser.add_argument("--steps", type=int, default=41)
    given = parser.parse_args()
    test, judge = data.load("mnist", validation=0).test, open_model("mnist-cnn").classifier
    pairs = different(test.labels, given.walks)
    shares = np.linspace(0, 1, given.steps)
    rows, curves = [], {}
    for name in given.models:
        coder = open_model(name).autoencoder
        codes = coder.code(test.flat)
        found = {}
        for kind in ("straight", "spherical"):
            on_the_way = np.stack([way(codes[a], codes[b], shares, kind == "spherical") for a, b in pairs])
            images = coder.decode(on_the_way.reshape(-1, on_the_way.shape[-1]))
            found[kind] = judge.forward(images).max(axis=1).reshape(len(pairs), len(shares)) >= SURE
        back = coder.reconstruct(test.flat)
        error = float(np.square(back - test.flat).mean(dtype=np.float64))
        right = float((judge.predict(back) == test.labels).mean())
        curves[name] = found["straight"].mean(axis=0)
        middle = found["straight"][:, len(shares) // 4 : -(len(shares) // 4)].mean()
        rows.append(
            f"| `{name}` | **{found['straight'].mean():.1%}** | {middle:.1%} | {found['spherical'].mean():.1%} | "
            f"{error:.4f} | {sharpness(back) / sharpness(test.flat):.2f} | {right:.1%} |"
        )
        print(rows[-1], flush=True)
    write_table(rows, given.walks, given.steps)
    draw(shares, curves, DOCS / "pictures" / "walks.png", given.walks)


def different(labels: Any, count: int) -> Any:
    """Pairs of test images of different classes, (count, 2)."""
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, len(labels), (4 * count, 2))
    return drawn[labels[drawn[:, 0]] != labels[drawn[:, 1]]][:count]


def sharpness(images: Any) -> float:
    """Mean squared difference of neighbouring pixels: of blurred images it is small."""
    grid = images.reshape(-1, 28, 28)
    return float(
        np.square(np.diff(grid, axis=1)).mean(dtype=np.float64) + np.square(np.diff(grid, axis=2)).mean(dtype=np.float64)
    )


def write_table(rows: list[str], walks: int, steps: int) -> None:
    head = [
        f"{walks} walks of {steps} frames between random test digits of different classes; a frame counts as a digit where the",
        f"judge, `mnist-cnn`, takes it for some digit with p >= {SURE}.",
        "",
        "| model | frames that are digits, straight way | of its middle half | spherical way | squared error a pixel | "
        "sharpness / the images' own | read rightly after coming back |",
        "|---|---|---|---|---|---|---|",
    ]
    path = DOCS / "latent.md"
    text = path.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    path.write_text(before + BEGIN + "\n\n" + "\n".join(head + rows) + "\n\n" + END + after, encoding="utf-8")


def draw(shares: Any, curves: dict[str, Any], path: Path, walks: int) -> None:
    figure = figure_of(7, 3.6)
    axes = figure.subplots()
    for colour, (name, curve) in zip(COLOURS, curves.items(), strict=False):
        axes.plot(100 * shares, 100 * curve, color=colour, lw=2.5)
        middle = (50, 100 * curve[len(curve) // 2])
        axes.annotate(name, middle, (0, 14), textcoords="offset points", color=colour, ha="center", weight="bold")
    axes.set_title(
        f"How many of {walks} walks show a digit, on the way from one to another", loc="left", fontsize=11, weight="bold"
    )
    axes.set_xlabel("per cent of the way")
    axes.set_ylabel(f"per cent taken for a digit, p ≥ {SURE}")
    axes.set_ylim(0, 104)
    axes.set_xlim(0, 100)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)


if __name__ == "__main__":
    main()

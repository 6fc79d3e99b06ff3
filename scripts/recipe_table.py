"""Run every recipe from the command line and write what came out into docs/recipes.md.

    python scripts/recipe_table.py [FOLDER]

The runs are left in FOLDER (runs/ unless given); those that are finished there are not run again.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

from byhand.training.recipes import RECIPES

DOCS = Path(__file__).parent.parent / "docs" / "recipes.md"
HEAD = """# The recipes, and what running them gives

Each is a named, seeded set-up: `byhand train NAME` runs it, twice to the same bits on one machine. The table is
written by `python scripts/recipe_table.py`, which runs each recipe from the command line; nothing in it is typed by hand.
Accuracy is on test data that the training never saw, with the parameters of the last epoch (no choosing by test accuracy).

"""


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs")
    rows = [
        "| recipe | what it is | network | epochs | seconds | test accuracy | its source reports |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, recipe in RECIPES.items():
        result = folder / f"{name}.json"
        if not result.exists():
            command = [sys.executable, "-m", "byhand.cli", "train", name, "--out", str(folder / name), "--json"]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            result.parent.mkdir(parents=True, exist_ok=True)
            result.write_text(done.stdout, encoding="utf-8")
        found = json.loads(result.read_text(encoding="utf-8"))
        network = f"{'-'.join(map(str, ('in', *recipe.hidden, 'out')))}, {recipe.activation}/{recipe.output}, {recipe.cost}"
        if recipe.model == "cnn":
            network = f"3x3 convolutions in pairs, {'-'.join(map(str, recipe.model_options['channels']))} channels, {recipe.cost}"
        rows.append(
            f"| `{name}` | {recipe.about} | {network} | {found['epochs']} | {found['seconds']:.1f} | "
            f"**{found['accuracy']:.2%}** of {found['n']:,} | {recipe.reports} |"
        )
    machine = f"\nMeasured on 2 cores of an {platform.machine()} server, Python {platform.python_version()}.\n"
    DOCS.write_text(HEAD + "\n".join(rows) + "\n" + machine, encoding="utf-8")
    print(f"wrote {DOCS}")


if __name__ == "__main__":
    main()

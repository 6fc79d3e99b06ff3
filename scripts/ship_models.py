"""Put trained models where byhand carries them: float16, measured again as they ship.

    python scripts/ship_models.py RUNS mnist mnist-nielsen-30 mnist-nielsen-100

RUNS is a folder of runs, as `python scripts/recipe_table.py RUNS` leaves it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from byhand import data
from byhand.modelfile import load_model, save_model
from byhand.shipped import FOLDER
from byhand.training.evaluate import evaluate
from byhand.training.run import metrics


def main() -> None:
    runs, *names = sys.argv[1:]
    for name in names:
        model = load_model(Path(runs) / name / "model.safetensors")
        trained = model.metrics["test_accuracy"]
        for view in model.network.tensors().values():
            view[...] = view.astype(np.float16)
        test = data.load(model.preprocessing["data"], **model.preprocessing.get("data_options", {})).test
        measured = evaluate(model.network, test)
        model.metrics = metrics(measured)
        target = FOLDER / f"{name}.safetensors"
        save_model(target, model, dtype=np.float16)
        print(f"{target}: {target.stat().st_size / 1024:.0f} KiB, {model.metrics} (float32: {trained:.2%})")


if __name__ == "__main__":
    main()

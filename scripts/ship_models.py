"""Put trained models where byhand carries them: float16, measured again as they ship.

    python scripts/ship_models.py RUNS mnist mnist-nielsen-30 mnist-nielsen-100

RUNS is a folder of runs, as `python scripts/recipe_table.py RUNS` leaves it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from byhand import data
from byhand.data.binarise import binarised as binarise_once
from byhand.modelfile import load_model, save_model
from byhand.models.gan import GAN
from byhand.shipped import FOLDER, open_model
from byhand.training.encoded_data import encoded
from byhand.training.evaluate import measure
from byhand.training.evaluate_diffusion import even_labels, features, frechet_distance, weights
from byhand.training.run import metrics


def main() -> None:
    runs, *names = sys.argv[1:]
    for name in names:
        model = load_model(Path(runs) / name / "model.safetensors")
        trained = model.metrics
        for view in model.network.tensors().values():
            view[...] = view.astype(np.float16)
        splits = data.load(model.preprocessing["data"], **model.preprocessing.get("data_options", {}))
        coder = model.preprocessing.get("latents_of")
        test = (encoded(splits, coder) if coder else splits).test
        binarised = bool(model.preprocessing.get("binarised"))
        model.metrics = metrics(measure(model.network, test, binarised=binarised))
        if model.network.kind == GAN.kind:
            model.metrics |= readable(model.network, test)
        if binarised:
            model.metrics |= likelihood(model.network, test)
        target = FOLDER / f"{name}.safetensors"
        save_model(target, model, dtype=np.float16)
        print(f"{target}: {target.stat().st_size / 1024:.0f} KiB, {model.metrics}\n  in float32: {trained}")


def likelihood(network: Any, test: Any, n: int = 1_000, samples: int = 5_000) -> dict[str, float]:
    """The importance-weighted log p(x) of n test images, evenly chosen, drawn black and white once with seed 0."""
    found = network.log_likelihood(binarise_once(test.flat)[:: len(test) // n][:n], samples)
    return {
        "test_log_likelihood": float(found.mean()),
        "test_log_likelihood_error": float(found.std() / n**0.5),
        "test_log_likelihood_n": n,
        "test_log_likelihood_samples": samples,
    }


def readable(network: Any, test: Any, each: int = 1_000) -> dict[str, float]:
    """What mnist-cnn says of so many drawn samples of each class: how many have p >= 0.9, and how far they are from real ones."""
    labels, judge = even_labels(test.n_classes, each), open_model("mnist-cnn").classifier
    drawn = network.sample(len(labels), labels)
    p = np.concatenate([judge.forward(drawn[i : i + 256]) for i in range(0, len(drawn), 256)])
    share = np.bincount(p.argmax(axis=1), minlength=test.n_classes) / len(p)
    distance = frechet_distance(features(judge, drawn), features(judge, test.flat), weights(labels), weights(test.labels))
    return {
        "test_readable": float((p.max(axis=1) >= 0.9).mean()),
        "test_as_asked": float((p.argmax(axis=1) == labels).mean()),
        "test_least_of_a_class": float(share.min()),
        "test_most_of_a_class": float(share.max()),
        "test_frechet": distance,
    }


if __name__ == "__main__":
    main()

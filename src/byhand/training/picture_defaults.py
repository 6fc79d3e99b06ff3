"""Defaults for pictures of one's own: how each kind of network is trained on them, by how many there are.

Chosen on two sets that were made for it (`python -m tests.pictures`): coloured discs, and four shapes in noise.
"""

from __future__ import annotations

import math
from typing import Any

from byhand.data.dataset import Dataset

# Steps of training that each kind needs, whatever the size of the set; with very large ones, once through the data.
STEPS = {"feedforward": 2_000, "cnn": 1_000, "vae": 4_000, "diffusion": 3_000, "gan": 4_000}
FEWEST_EPOCHS, MOST_EPOCHS = 3, 400
MANY = 20_000  # training images: from so many on, warps of them add little

OF_MODEL: dict[str, dict[str, Any]] = {
    "feedforward": {
        "hidden": (128,),
        "activation": "relu",
        "initialiser": "he",
        "optimizer": "adamw",
        "optimizer_settings": {"weight_decay": 0.05},
        "lr": 0.002,
    },
    "cnn": {
        "model_options": {"channels": [16, 32, 64]},
        "cost": "cross_entropy",
        "dropout": 0.1,
        "label_smoothing": 0.05,
        "initialiser": "he",
        "optimizer": "adamw",
        "optimizer_settings": {"weight_decay": 0.01},
        "lr": 0.006,
    },
    "vae": {
        "model_options": {"latent": 16},
        "hidden": (512, 256),
        "activation": "relu",
        "optimizer": "adam",
        "lr": 0.001,
        "clip": 1_000.0,  # of a cost that is a sum over all numbers of an image
    },
    "diffusion": {
        "model_options": {"channels": [16, 32, 64], "embedding": 96, "weighting": "min_snr"},
        "initialiser": "he",
        "optimizer": "adamw",
        "optimizer_settings": {"weight_decay": 0.0},
        "lr": 0.002,
        "clip": 1.0,
    },
    "gan": {
        "model_options": {"latent": 32, "width": 64, "critic_width": 32, "penalty": 0.2, "temperature": 0.9},
        "initialiser": "he",
        "optimizer": "adam",
        "optimizer_settings": {"beta1": 0.5},
        "lr": 0.001,
        "schedule": "cosine",
    },
}
AUGMENTED = ("feedforward", "cnn")


def for_pictures(train: Dataset, model: str) -> dict[str, Any]:
    """Network and training for images (H, W, C) of one's own; a kind of network that stands not above has its own defaults."""
    side, n = train.inputs.shape[1], len(train)
    batch_size = 16 if n < 200 else 32 if n < 1_000 else 64
    epochs = math.ceil(STEPS.get(model, 2_000) / math.ceil(n / batch_size))
    settings: dict[str, Any] = {
        "model": model,
        "schedule": "one_cycle",
        "optimizer": "adam",
        "lr": 0.001,
        "batch_size": batch_size,
        "epochs": max(FEWEST_EPOCHS, min(MOST_EPOCHS, epochs)),
    }
    if model in AUGMENTED and n < MANY and side == train.inputs.shape[2]:
        settings["augment"] = {"shift": float(round(side / 16)), "rotate": 8.0, "scale": 0.1}
    return settings | OF_MODEL.get(model, {})

"""Trainings on folders of pictures, and what their models are used for afterwards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.pictures import discs, shapes

import byhand
from byhand.draw.samples import draw_model
from byhand.errors import ByhandError, TrainingError
from byhand.latent import write_walk
from byhand.read_pictures import predict
from byhand.training.own_data import recipe_for
from byhand.training.run import run


def trained(folder: Path, out: Path, **changes: object) -> Path:
    recipe, splits = recipe_for(str(folder), None, changes)
    run(recipe, out, splits=splits)
    return out


def test_a_network_that_learned_colours_reads_new_pictures_and_other_folders_in_colour(tmp_path: Path) -> None:
    model = trained(discs(tmp_path / "discs", each=20), tmp_path / "run", model="feedforward", epochs=60, augment=None)
    discs(tmp_path / "new", each=5, seed=9)
    assert byhand.evaluate(model, tmp_path / "new").data.inputs.shape[1:] == (32, 32, 3)
    assert byhand.evaluate(model).data.inputs.shape[1:] == (32, 32, 3)
    read = predict(str(model), [tmp_path / "new" / "red" / "0.png"])[0]
    assert set(read.outputs) == {"blue", "green", "red"} and not read.blank


@pytest.mark.parametrize("kind", ["vae", "diffusion", "gan"])
def test_what_learned_to_draw_pictures_draws_them_in_colour(tmp_path: Path, kind: str) -> None:
    small = {"vae": {"latent": 2}, "diffusion": {"channels": [8, 8], "embedding": 8}, "gan": {"latent": 4, "width": 8}}[kind]
    folder = shapes(tmp_path / "shapes", each=3, side=16)
    model = trained(folder, tmp_path / "run", model=kind, model_options=small, epochs=1)
    assert draw_model(str(model), tmp_path / "sheet.png", count=4) == 4
    assert np.asarray(Image.open(tmp_path / "sheet.png")).shape == (2 * 18 + 2, 2 * 18 + 2, 3)
    assert byhand.evaluate(model).n == 4
    if kind == "vae":
        write_walk(tmp_path / "walk.gif", start="star", end="circle", models=[str(model)], steps=3, figure=tmp_path / "walk.png")
        assert np.asarray(Image.open(tmp_path / "walk.png")).ndim == 3


def test_a_training_that_ran_away_is_no_result(tmp_path: Path) -> None:
    folder = shapes(tmp_path / "shapes", each=3, side=16)
    with pytest.raises((TrainingError, ByhandError)) as caught:
        trained(folder, tmp_path / "run", model="vae", optimizer="sgd", lr=5.0, epochs=3, clip=None)
    assert "rate" in str(caught.value) and not (tmp_path / "run" / "model.safetensors").exists()

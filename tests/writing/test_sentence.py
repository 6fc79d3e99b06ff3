"""Whole sentences with the networks that ship: the files, the seeds, the judge, and what is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from byhand.errors import ByhandError, ModelError
from byhand.writing.frames import HOLD, SHOWN, frame_at, frames, picture
from byhand.writing.letters import judged, letters, open_hand
from byhand.writing.sentence import compose, save, write


@pytest.fixture(scope="module")
def hand() -> Any:
    return open_hand("latent")


@pytest.fixture(scope="module")
def sentence(hand: Any) -> Any:
    return compose("Hi, you 2!", hand=hand, steps=20, best_of=1)


@pytest.mark.slow
def test_few_steps_are_shown_as_a_film_that_ends_in_the_letter(hand: Any) -> None:
    (few,), (every,) = (hand.draw(["a"], ["0.0"], steps=steps, sampler="dpm_solver", seed=1) for steps in (8, 50))
    assert len(few.frames) == 8 * 4 + 1 and len(every.frames) == 51
    assert few.signal_rates[-1] == 1 and (np.diff(few.signal_rates) > 0).all()
    asked = [step for _, step in hand.sample_steps(["a"], ["0.0"], steps=8, seed=1)]
    assert np.allclose(few.frames[::4], np.concatenate(asked), atol=1e-6)  # those that the network was asked about
    jumps = np.abs(np.diff(few.frames.astype(float), axis=0)).mean(axis=(1, 2))
    assert jumps[jumps > 0].max() < 0.6 * np.abs(np.diff(np.concatenate(asked), axis=0)).mean(axis=(1, 2)).max()


def test_the_same_seed_gives_the_same_letters_in_whatever_company(hand: Any) -> None:
    alone = letters(hand, ["H"], best_of=1, steps=5, seed=3)
    among = letters(hand, list("Hi,you"), best_of=1, steps=5, seed=3)
    other = letters(hand, ["H"], best_of=1, steps=5, seed=4)
    assert np.array_equal(alone[0].frames, among[0].frames)
    assert not np.array_equal(alone[0].frames, other[0].frames)
    assert [letter.character for letter in among] == list("Hi,you")


def test_the_same_letter_at_two_places_is_written_differently(hand: Any) -> None:
    first, second = letters(hand, ["o", "o"], best_of=1, steps=5)
    assert not np.array_equal(first.ink, second.ink)


def test_letters_and_marks_come_out_of_the_noise(sentence: Any) -> None:
    for letter in sentence.letters:
        assert letter.frames.shape == (41, 28, 28) and letter.frames.dtype == np.float32
        assert 0 <= letter.frames.min() <= letter.frames.max() <= 1
        assert letter.signal_rates[0] < 0.01 and letter.signal_rates[-1] == 1 and (np.diff(letter.signal_rates) > 0).all()
    comma = sentence.letters[2]
    assert comma.character == "," and comma.frames[0].std() > 0.2 and (comma.ink > 0.5).sum() < 60


@pytest.mark.slow
def test_a_network_can_read_what_was_written(hand: Any) -> None:
    drawn = letters(hand, list("ABEHKRTabdhk2345"), best_of=4, seed=1, steps=50, guidance=2.0)
    read = [letter.read for letter in drawn]
    assert all(p is not None for p in read)
    assert np.mean([p > 0.5 for p in read if p is not None]) > 0.8


@pytest.mark.slow
def test_of_several_candidates_the_most_readable_is_kept(hand: Any) -> None:
    characters = list("qgQjMNif")
    first = judged(letters(hand, characters, best_of=1, seed=5, steps=8))
    best = letters(hand, characters, best_of=6, seed=5, steps=8)
    assert all((b.read or 0) >= (a.read or 0) for a, b in zip(first, best, strict=True))
    assert sum((b.read or 0) > (a.read or 0) for a, b in zip(first, best, strict=True)) >= 1


def test_the_frames_show_each_letter_in_its_turn_and_end_with_the_finished_writing(sentence: Any) -> None:
    shown, times = frames(sentence.page, sentence.letters)
    assert np.array_equal(shown[-1], picture(sentence.page, sentence.letters))
    assert times[-1] == HOLD and max(times[:-1]) < 100
    ink = [int((frame > 60).sum()) for frame in shown]
    assert ink[0] < ink[len(ink) // 2] and 0.5 * ink[-1] < ink[-2] < 1.5 * ink[-1]
    right = shown[0][:, shown[0].shape[1] * 2 // 3 :]
    assert right.max() == 0  # the last letter of a line has not begun


def test_frames_run_from_noise_to_ink_and_dwell_on_the_forming() -> None:
    signal_rates = np.sin(np.linspace(0, np.pi / 2, 51))
    shown = [frame_at(signal_rates, age) for age in range(SHOWN)]
    assert shown[0] == 0 and shown[-1] == 50 and sorted(shown) == shown and len(set(shown)) > SHOWN * 0.8


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".gif", ".apng", ".webp"])
@pytest.mark.parametrize("style", ["dark", "transparent"])
def test_moving_files_hold_the_film(sentence: Any, tmp_path: Path, ending: str, style: str) -> None:
    path = tmp_path / f"hi{ending}"
    save(sentence, path, style=style)
    with Image.open(path) as opened:
        frames = [frame.convert("RGBA") for frame in ImageSequence.Iterator(opened)]
    assert len(frames) > 20
    corner = frames[-1].getpixel((1, 1))
    assert isinstance(corner, tuple) and (
        corner[3] == 0 if style == "transparent" else np.abs(np.subtract(corner[:3], (25, 26, 31))).max() <= 2
    )
    last = np.asarray(frames[-1])
    inked = (last[..., 3] > 128) if style == "transparent" else last[..., 0] > 128
    wanted = picture(sentence.page, sentence.letters) > 128
    assert (inked == wanted).mean() > 0.97
    assert path.stat().st_size < (900_000 if ending == ".apng" else 400_000)
    assert list(tmp_path.iterdir()) == [path]


def test_a_gif_has_one_palette(sentence: Any, tmp_path: Path) -> None:
    save(sentence, tmp_path / "hi.gif", style="paper")
    with Image.open(tmp_path / "hi.gif") as opened:
        colours = set()
        for frame in ImageSequence.Iterator(opened):
            colours |= {colour for _, colour in frame.convert("RGB").getcolors(100_000) or []}
    assert len(colours) <= 32


def test_a_still_can_have_any_size(sentence: Any, tmp_path: Path) -> None:
    sizes = {}
    for scale in (0.5, 1.0, 3.0):
        save(sentence, tmp_path / "hi.png", style="light", scale=scale)
        with Image.open(tmp_path / "hi.png") as opened:
            sizes[scale] = opened.size
    assert sizes[3.0][0] == pytest.approx(6 * sizes[0.5][0], abs=6)
    with pytest.raises(ByhandError, match="smaller scale"):
        save(sentence, tmp_path / "huge.png", scale=99)
    assert not (tmp_path / "huge.png").exists()


def test_an_svg_holds_a_named_outline_for_each_letter(sentence: Any, tmp_path: Path) -> None:
    save(sentence, tmp_path / "hi.svg")
    root = ET.parse(tmp_path / "hi.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    letters = root.findall(f"{space}g/{space}g")
    assert [letter.findtext(f"{space}title") for letter in letters] == list("Hi,you2!")
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    points = re.findall(r"(-?\d+\.\d) (-?\d+\.\d)", " ".join(path.attrib["d"] for path in root.findall(f".//{space}path")))
    assert len(points) > 100
    assert all(-1 <= float(x) <= width + 1 and -1 <= float(y) <= height + 1 for x, y in points)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"steps": 0}, "steps must be from 1 to 50"),
        ({"steps": 51}, "must be from 1 to 50"),
        ({"guidance": -1.0}, "guidance must be 0 or more"),
        ({"best_of": 0}, "best-of must be from 1"),
        ({"width": 0}, "width must be from 1"),
        ({"sampler": "dpm"}, "sampler 'dpm' is unknown"),
        ({"model": "mnist-cnn"}, "draws nothing"),
        ({"model": "mnist-gan"}, "draws without a diffusion"),
        ({"model": "pixel"}, "the model 'pixel' does not exist"),
        ({"out": "x.bmp"}, "ends in .bmp"),
        ({"out": "x"}, "no ending"),
        ({"style": "neon"}, "style 'neon' is unknown"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_leaves_nothing(settings: dict[str, Any], told: str, tmp_path: Path) -> None:
    given = {"model": "latent", "out": "x.gif"} | settings
    with pytest.raises(ByhandError, match=told) as caught:
        write("Hi", tmp_path / given.pop("out"), **given)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_network_of_points_writes_nothing(tmp_path: Path) -> None:
    from byhand.modelfile import Model, save_model
    from byhand.models.denoiser import DiffusionNetwork
    from byhand.models.mlp_denoiser import MLPDenoiser

    network = DiffusionNetwork(MLPDenoiser(2, width=8, classes=2), (2,))
    save_model(tmp_path / "model.safetensors", Model(network, ("upper", "lower")))
    with pytest.raises(ModelError, match="letters are"):
        open_hand(str(tmp_path))


@pytest.mark.slow
def test_the_command_writes_and_tells(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "byhand.cli",
        "write",
        "Été 7",
        "-o",
        str(tmp_path / "a.gif"),
        "--model",
        "latent",
        "--steps",
        "8",
    ]
    done = subprocess.run([*command, "--json", "--best-of", "1", "--steps", "8"], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["lines"] == ["Ete 7"] and "É as E" in told["notes"][0] and told["read"] == [None] * 4
    assert Path(told["file"]).stat().st_size > 5_000
    refused = subprocess.run([*command, "--width", "0"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and refused.stderr.startswith("byhand: width must be from 1")

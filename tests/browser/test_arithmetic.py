"""The page's arithmetic against Python's: preparation, forward, the lesson, model files."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.test_characters import sheet
from tests.data.test_doubt import PLACES, page_with
from tests.photographs import own_strokes, photographs

from byhand import activations, costs, data, nn
from byhand.data.characters import SCATTERED, characters, cut
from byhand.data.preparation import from_pixels
from byhand.data.prepare import framed, ink_levels, prepare
from byhand.feedforward import FeedForward
from byhand.modelfile import Model, load_model, save_model
from byhand.predictions import each_class
from byhand.shipped import shipped
from byhand.training.out_of_distribution import of_model
from byhand.web.site import models_that_fit

pytestmark = pytest.mark.browser

PREPARE = """
  const { prepare } = await import("/prepare.js");
  const { pixels, empty, doubt } = prepare({ values: floats(args[0]), width: args[1], height: args[2] });
  return { pixels: [...pixels], empty, doubt };
"""
MODEL = """
  const { readModel, writeModel } = await import("/safetensors.js");
  const { makeNetwork, readDrawing, teach, learn } = await import("/network.js");
  const buffer = Uint8Array.from(atob(args[0]), (c) => c.charCodeAt(0)).buffer;
  const model = readModel(buffer);
  const network = makeNetwork(model);
"""


def pictures(rng: np.random.Generator) -> list[np.ndarray]:
    """Digits at many sizes, lines, spots, noise and edges."""
    digits = data.load("mnist").test.inputs[:12, :, :, 0] * 255
    found = [
        np.pad(np.kron(digit, np.ones((size, size))), size) for digit, size in zip(digits, [1, 2, 3, 5, 7, 9] * 2, strict=True)
    ]
    for height, width in [(1, 1), (1, 50), (60, 1), (20, 20), (19, 7), (123, 457), (448, 448)]:
        found.append(rng.random((height, width)) ** 4 * 255)
    spot = np.zeros((448, 448))
    spot[3:6, 440:447] = 9
    for places in PLACES.values():
        found += [255 - page_with(places), 255 - page_with(places, light=True)]
    found += [spot, np.zeros((30, 40)), np.full((30, 40), 7.9), np.full((5, 5), 255.0)]
    return [image.astype(np.float32) for image in found]


def test_the_preparation_is_pythons_within_one_grey_level(page: Any, packed: Any, rng: np.random.Generator) -> None:
    for image in pictures(rng):
        wanted = prepare(image, "white")
        found = page.run(PREPARE, packed(image), image.shape[1], image.shape[0])
        assert found["empty"] == wanted.empty
        apart = np.abs(np.array(found["pixels"]) - wanted.pixels.ravel().astype(int))
        assert apart.max() <= 1, image.shape


@pytest.mark.parametrize("light", [False, True])
def test_what_makes_a_picture_doubtful_is_told_in_the_words_of_python(page: Any, packed: Any, light: bool) -> None:
    for places in [*PLACES.values(), [(20, 80, 40, 50)]]:
        image = (255 - page_with(places, light)).astype(np.float32)
        found = page.run(PREPARE, packed(image), image.shape[1], image.shape[0])
        assert found["doubt"] == prepare(image, "white").doubt


PREPARE_ALL = """
  const { prepareAll } = await import("/prepare.js");
  const lines = prepareAll({ values: floats(args[0]), width: args[1], height: args[2] });
  return lines.map((line) => line.map(({ pixels, doubt }) => ({ pixels: [...pixels], doubt })));
"""


def spots(rng: np.random.Generator, height: int, width: int, count: int) -> np.ndarray:
    """Bars and dots of all sizes anywhere: some touch, some stand over one another, some are dirt."""
    image = np.zeros((height, width), np.float32)
    for _ in range(count):
        top, left = rng.integers(0, height), rng.integers(0, width)
        image[top : top + rng.integers(1, height // 3), left : left + rng.integers(1, width // 8)] = rng.integers(60, 255)
    return image


def test_every_character_of_a_sheet_is_cut_out_as_in_python(page: Any, packed: Any, rng: np.random.Generator) -> None:
    images = [spots(rng, *size, count) for size in [(200, 300), (90, 700), (1300, 900), (60, 60)] for count in (1, 4, 9, 20)]
    many = np.zeros((400, 400), np.float32)
    many[::20, ::20] = 255
    images += [many, np.zeros((80, 80), np.float32)]
    images += [255 - sheet(mnist(), lines, seed).astype(np.float32) for seed, lines in enumerate([[[0, 1]], [[2, 3, 4], [5, 6]]])]
    counts = set()
    for image in images:
        levels = ink_levels(image, "white")
        lines = [] if levels is None else characters(levels > 0)
        found = page.run(PREPARE_ALL, packed(image), image.shape[1], image.shape[0])
        counts.add(sum(map(len, lines)))
        if sum(map(len, lines)) < 2:
            assert [len(line) for line in found] == ([] if levels is None else [1])
            doubt = framed(levels).doubt if lines else SCATTERED
            assert not found or found[0][0]["doubt"] == doubt
            continue
        assert [len(line) for line in found] == [len(line) for line in lines], image.shape
        for line, places in zip(found, lines, strict=True):
            for one, box in zip(line, places, strict=True):
                wanted = framed(cut(levels, box)).pixels.ravel().astype(int)
                assert np.abs(np.array(one["pixels"]) - wanted).max() <= 1
    assert {0, 1, 2, 4, 5} <= counts


def mnist() -> tuple[Any, Any]:
    test = data.load("mnist").test
    return test.inputs.reshape(-1, 28, 28), test.labels


def test_how_far_a_drawing_lies_from_every_class_is_as_in_python(page: Any, packed: Any, rng: np.random.Generator) -> None:
    path = shipped()["mnist-cnn"]
    model = load_model(path)
    where = of_model(model.preprocessing, 10)
    assert where is not None
    digits = data.load("mnist").test.inputs[:4]
    for image in [*digits, rng.random((28, 28, 1)).astype(np.float32)]:
        found = page.run(
            MODEL
            + """
          const { distanceOf } = await import("/out_of_distribution.js");
          const trace = readDrawing(network, floats(args[1]));
          return distanceOf(model.preprocessing.out_of_distribution, trace.a.at(-2));
            """,
            base64.b64encode(path.read_bytes()).decode(),
            packed(image[..., 0]),
        )
        assert found == pytest.approx(float(where.distances(model.network.features(image[None]))[0]), rel=1e-4)


def test_pictures_in_colour_become_the_same_grey_as_in_python(page: Any, packed: Any, rng: np.random.Generator) -> None:
    from PIL import Image

    for paper, ink in [(255, 20), (10, 240)]:
        rgba = np.full((50, 40, 4), paper, np.uint8)
        rgba[10:40, 15:25, :3] = ink + rng.integers(-9, 9, (30, 10, 3))
        rgba[..., 3] = 255
        wanted = prepare(Image.fromarray(rgba)).pixels.ravel().astype(int)
        code = """
          const { prepare, greyOf } = await import("/prepare.js");
          return [...prepare(greyOf(floats(args[0]), args[1], args[2])).pixels];
        """
        found = page.run(code, packed(rgba), 40, 50)
        assert np.abs(np.array(found) - wanted).max() <= 1


@pytest.mark.parametrize("condition", ["squared, 30 %, shadow", "light falls off by 50 %", "squared, in pencil"])
def test_a_photograph_becomes_the_same_as_in_python(page: Any, condition: str) -> None:
    for _, picture in photographs(own_strokes(), condition, 2):
        bytes_ = io.BytesIO()
        picture.save(bytes_, "png")
        code = """
          const { prepare, greyOf } = await import("/prepare.js");
          const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(args[0]), (c) => c.charCodeAt(0))]));
          const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
          context.drawImage(bitmap, 0, 0);
          const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
          return [...prepare(greyOf(data, bitmap.width, bitmap.height)).pixels];
        """
        found = page.run(code, base64.b64encode(bytes_.getvalue()).decode())
        assert np.abs(np.array(found) - prepare(picture.convert("RGB")).pixels.ravel().astype(int)).max() <= 1


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


@pytest.mark.parametrize("name", sorted(path.stem for path in models_that_fit()))
def test_shipped_networks_answer_as_in_python(page: Any, packed: Any, name: str) -> None:
    model = load_model(shipped()[name])
    inputs = data.load("mnist").test.flat[:30]
    code = MODEL + "const x = floats(args[1]); return Array.from({ length: 30 }, (_, i) => "
    found = page.run(
        code + "[...readDrawing(network, x.subarray(784 * i, 784 * (i + 1))).a.at(-1)])", encoded(shipped()[name]), packed(inputs)
    )
    np.testing.assert_allclose(found, model.network.forward(inputs), atol=1e-5)


@pytest.mark.parametrize(
    "told", [{"range": [0, 255]}, {"range": [-1, 1], "ink": "black"}, {"range": ["a", 1]}, {"range": [1, 0]}, {}]
)
def test_a_drawing_is_scaled_as_the_training_data_were(page: Any, packed: Any, rng: np.random.Generator, told: Any) -> None:
    pixels = rng.integers(0, 256, (28, 28), np.uint8)
    code = 'const { inputOf } = await import("/sample.js"); return [...inputOf(floats(args[0]), args[1])];'
    found = page.run(code, packed(pixels.astype(np.float32)), told)
    np.testing.assert_allclose(found, from_pixels(pixels, told).ravel(), atol=1e-4)


@pytest.mark.parametrize("kind", ["feedforward", "modules"])
def test_one_output_is_a_yes_or_no_as_in_python(page: Any, packed: Any, tmp_path: Path, kind: str) -> None:
    net: Any = FeedForward((784, 6, 1), cost="cross_entropy", seed=4)
    if kind == "modules":
        net = nn.Network(nn.Sequential(nn.Flatten(), nn.Linear(784, 1)), (28, 28, 1), cost="bce", seed=4)
    x = data.load("mnist").test.flat[:20]
    answers = net.forward(x)
    bias = net.biases[-1] if kind == "feedforward" else net.module[1].bias.data
    bias -= np.median(np.log(answers / (1 - answers)))  # so that both answers come out
    path = tmp_path / "net.safetensors"
    save_model(path, Model(net, ("cat", "dog")))
    code = (
        MODEL
        + """
      const { eachClass, namesOf, predict } = await import("/network.js");
      const { target } = await import("/lesson.js");
      const x = floats(args[1]);
      const rows = Array.from({ length: 20 }, (_, i) => x.subarray(784 * i, 784 * (i + 1)));
      return { outputs: rows.map((row) => [...eachClass(readDrawing(network, row).a.at(-1))]), classes: predict(network, rows),
        names: namesOf(model.classNames, 1), unnamed: namesOf([], 1), yes: [...target(1, 1)], no: [...target(1, 0)] };
    """
    )
    found = page.run(code, encoded(path), packed(x))
    np.testing.assert_allclose(found["outputs"], each_class(net.forward(x)), atol=1e-5)
    assert found["classes"] == net.predict(x).tolist()
    assert len(set(found["classes"])) == 2
    assert (found["names"], found["unnamed"]) == (["cat", "dog"], ["no", "yes"])
    assert (found["yes"], found["no"]) == ([1], [0])


SETTINGS = [
    *((name, "quadratic", 0.0, 0.0) for name in activations.ACTIVATIONS),
    *((name, "cross_entropy", 0.01, 0.002) for name in costs.COSTS["cross_entropy"].outputs),
]


@pytest.mark.parametrize(("output", "cost", "l2", "l1"), SETTINGS)
def test_a_lesson_is_pythons_step(
    page: Any, packed: Any, tmp_path: Path, rng: np.random.Generator, output: str, cost: str, l2: float, l1: float
) -> None:
    hidden = "tanh" if output == "softmax" else output
    net = FeedForward((20, 9, 7, 4), [hidden, "sigmoid", output], cost=cost, l2=l2, l1=l1, seed=5, dtype=np.float32)
    path = tmp_path / "net.safetensors"
    save_model(path, Model(net, tuple("abcd"), metrics={"test_accuracy": 0.5}))
    x, y = rng.random((1, 20), np.float32), np.eye(4, dtype=np.float32)[[2]]
    code = (
        MODEL
        + """
      const seen = teach(network, floats(args[1]), floats(args[2]), 0.3);
      return { cost: seen.cost, a: seen.a.map((v) => [...v]), z: seen.z.map((v) => [...v]),
        delta: seen.delta.slice(1).map((v) => [...v]),
        w: seen.gradient.map((g) => [...g.w]), b: seen.gradient.map((g) => [...g.b]),
        layers: network.layers.map(({ w, b }) => [[...w], [...b]]) };
    """
    )
    found = page.run(code, encoded(path), packed(x), packed(y))
    assert found["cost"] == pytest.approx(net.learn(x, y), abs=1e-5)
    trace = net.trace()
    for layer in range(3):
        near = {"atol": 1e-5, "rtol": 1e-5}
        np.testing.assert_allclose(found["z"][layer + 1], trace.z[layer][0], **near)
        np.testing.assert_allclose(found["a"][layer + 1], trace.a[layer + 1][0], **near)
        np.testing.assert_allclose(found["delta"][layer], trace.delta[layer][0], **near)
        np.testing.assert_allclose(found["w"][layer], net.weight_gradients[layer].ravel(), **near)
        np.testing.assert_allclose(found["b"][layer], net.bias_gradients[layer], **near)
        np.testing.assert_allclose(
            found["layers"][layer][0], (net.weights[layer] - 0.3 * net.weight_gradients[layer]).ravel(), **near
        )
        np.testing.assert_allclose(found["layers"][layer][1], net.biases[layer] - 0.3 * net.bias_gradients[layer], **near)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_model_files_of_every_width_are_read_and_written_back(page: Any, tmp_path: Path, dtype: Any) -> None:
    net = FeedForward((784, 5, 10), seed=2, dtype=np.float64)
    net.weights[0][0, :4] = [6e-8, -3e-5, 65_504, 0]  # the ends of half precision
    path = tmp_path / "net.safetensors"
    save_model(path, Model(net, tuple("0123456789"), {"input": [28, 28, 1]}, "mnist", {"test_accuracy": 0.9}), dtype)
    code = MODEL + 'return btoa(Array.from(writeModel(network, model), (b) => String.fromCharCode(b)).join(""))'
    (tmp_path / "again.safetensors").write_bytes(base64.b64decode(page.run(code, encoded(path))))
    before, after = load_model(path), load_model(tmp_path / "again.safetensors")
    np.testing.assert_array_equal(after.network.parameters, before.network.parameters)
    assert (after.class_names, after.preprocessing, after.recipe) == (before.class_names, before.preprocessing, before.recipe)
    assert after.network.architecture() == before.network.architecture()


def damaged(content: bytes) -> dict[str, bytes]:
    """What a file may be instead of a model, by what the page should say of it."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])

    def changed(**metadata: str) -> bytes:
        kept = {key: value for key, value in header["__metadata__"].items() if key != "checksum"}
        text = json.dumps({**header, "__metadata__": {**kept, **metadata}}).encode()
        return len(text).to_bytes(8, "little") + text + content[8 + length :]

    return {
        "shorter than 8 bytes": b"123",
        "header does not fit": b"\xff" * 64,
        "not JSON": (4).to_bytes(8, "little") + b"{{{{",
        "not a byhand model": changed(format="other"),
        "format version 9": changed(format_version="9"),
        "of kind transformer": changed(architecture='{"kind": "transformer"}'),
        "cannot be read": changed(architecture="{"),
        "cut": content[:-8],
        "checksum it was written with": content[:-3] + bytes([content[-3] ^ 1]) + content[-2:],
        "activation swish is unknown": changed(
            architecture='{"kind":"feedforward","sizes":[784,2,10],"activations":["swish","swish"],"cost":"quadratic"}'
        ),
        "Layer 1 is not": changed(
            architecture='{"kind":"feedforward","sizes":[784,3,10],"activations":["tanh","tanh"],"cost":"quadratic"}'
        ),
    }


def test_what_is_no_model_is_told_in_one_line(page: Any, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_model(path, Model(FeedForward((784, 2, 10)), tuple("0123456789")))
    for number, (message, content) in enumerate(damaged(path.read_bytes()).items()):
        wrong = tmp_path / f"{number}.safetensors"
        wrong.write_bytes(content)
        page.driver.find_element("id", "model-file").send_keys(str(wrong))
        page.wait(f"document.getElementById('problem').textContent.includes({json.dumps(message)})", 3)
        assert "\n" not in page.text("problem")
    assert page.complaints() == []

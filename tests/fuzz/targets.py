"""The targets: each reader of byhand as a function of bytes, with small real inputs to begin with, and how they are changed."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import io
import json
import random
import shutil
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from PIL import Image
from safetensors.numpy import save
from tests.fuzz.mutators import Mutator, archived, bytewise, jsonwise, pictured, tensorwise, textwise, zipped
from tests.fuzz.watching import Run

from byhand import data, optim
from byhand.costs import COSTS
from byhand.data import emnist, picture_file
from byhand.data.idx import read_images, read_labels, write
from byhand.data.own import load_own
from byhand.data.prepare import prepare_file
from byhand.data.text import load_text
from byhand.errors import ByhandError
from byhand.feedforward import FeedForward
from byhand.import_weights import open_foreign
from byhand.limits import at_most
from byhand.modelfile import Model, load_model, save_model
from byhand.models.autoencoder import Autoencoder
from byhand.models.cnn import cnn
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.transformer import Transformer
from byhand.models.vae import VAE
from byhand.nn import BatchNorm2d, Conv2d, Flatten, Linear, Network, ReLU, Sequential
from byhand.training.checkpoint import read_checkpoint, write_checkpoint
from byhand.training.history import Epoch, History, read_history
from byhand.training.recipes import RECIPES, Recipe, parse_setting
from byhand.training.recording_files import read_recording, start_recording
from byhand.training.run import begin, build, read_recipe
from byhand.training.steps import Steps
from byhand.web.sockets import command_in
from byhand.web.train_session import Live
from byhand.web.watch.controls import Control

FEW = 200_000  # numbers that a network under test may have at most: what is asked for openly may be large, but not here


@dataclass(frozen=True)
class Target:
    """A reader: what it does with the bytes, inputs that it takes, and how they are changed. `weight`: its share of a run."""

    run: Run
    seeds: list[bytes]
    mutate: Mutator
    weight: float = 1.0


@cache
def place() -> Path:
    """A folder in memory, where there is one."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="byhand-fuzz-", dir=memory if memory.is_dir() else None))


def clear() -> None:
    """Remove the folder."""
    shutil.rmtree(place(), ignore_errors=True)
    place.cache_clear()


def on_file(name: str, read: Callable[[Path], object]) -> Run:
    """A target that writes its bytes into a file of this name, and reads that."""

    def run(content: bytes) -> None:
        path = place() / name
        path.write_bytes(content)
        read(path)

    return run


def file_of(write: Callable[[Path], object], name: str = "seed") -> bytes:
    """The bytes of the file that this writes, the same ones in every process."""
    path = place() / name
    write(path)
    return in_order(path.read_bytes())


def in_order(content: bytes) -> bytes:
    """A `.safetensors` with its header sorted: the library that writes it does so in the order of a hash that changes."""
    try:
        length = struct.unpack("<Q", content[:8])[0]
        header, body = json.loads(content[8 : 8 + length]), content[8 + length :]
    except (ValueError, struct.error):
        return content
    header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
    text = json.dumps(dict(sorted(header.items()))).encode()
    return struct.pack("<Q", len(text)) + text + body


# ---------------------------------------------------------------- data


def idx_files() -> list[bytes]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 5, 4), np.uint8)
    return [file_of(lambda path, array=array: write(path, array)) for array in (images, np.arange(4, dtype=np.uint8))]


def read_idx(path: Path) -> None:
    with contextlib.suppress(ByhandError):
        read_labels(path)
    read_images(path)


def npz_files() -> list[bytes]:
    rng, y = np.random.default_rng(0), np.arange(8) % 2
    rows, found = rng.random((8, 3)).astype(np.float32), []
    arrays: list[dict[str, Any]] = [
        {"x": rows, "y": y},
        {"X_train": rows, "y_train": np.eye(2)[y], "X_test": rows, "y_test": np.eye(2)[y]},
        {"images": rng.integers(0, 256, (8, 9, 7), np.uint8), "labels": np.array(["a", "bc"])[y]},
        {"x": rng.integers(0, 256, (8, 1, 28, 28), np.uint8)[:, :, ::-1], "y": y[:, None].astype(float)},
        {"x": rng.random((8, 4, 4, 3)), "y": np.array([b"a", b"b"])[y]},
    ]
    for one in arrays:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **one)
        found.append(buffer.getvalue())
    return found


TABLES = [
    b"u,v,label\n" + b"".join(b"%d,%d.5,%s\n" % (i, -i, b"ab"[i % 2 : i % 2 + 1]) for i in range(12)),
    b"1,2,a\n3,4,b\n5,6,a\n7,8,b\n",
    b'\xef\xbb\xbf"a, b",c,label\r\n1,"2","x ""y"""\r\n3,4,z\r\n1,2,z\r\n1,2,"x ""y"""\r\n',
    b"label;u\n1;2,5\n",
]


def pictures() -> list[bytes]:
    levels = np.zeros((12, 9), np.uint8)
    levels[3:9, 4:6] = 200
    grey, found = Image.fromarray(levels), []
    for kind, mode in [("PNG", "L"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "1"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("GIF", "P"),
                       ("BMP", "RGB"), ("BMP", "L"), ("TIFF", "RGB"), ("TIFF", "L"), ("WEBP", "RGB"), ("PPM", "L")]:  # fmt: skip
        buffer = io.BytesIO()
        grey.convert(mode).save(buffer, kind)
        found.append(buffer.getvalue())
    for kind in ("PNG", "TIFF", "PPM"):
        buffer = io.BytesIO()
        Image.fromarray(levels.astype(np.uint16) * 257).save(buffer, kind)
        found.append(buffer.getvalue())
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    grey.save(buffer, "JPEG", exif=exif)
    return [*found, buffer.getvalue()]


def read_picture(path: Path) -> None:
    """Large ones take a second each, and have a test of their own: here the limit is lower."""
    limit, picture_file.MAX_PIXELS = picture_file.MAX_PIXELS, 1_000_000
    try:
        prepare_file(path)
    finally:
        picture_file.MAX_PIXELS = limit


# ---------------------------------------------------------------- models


def networks() -> list[Any]:
    return [
        FeedForward((3, 4, 2), "relu", output="softmax", cost="cross_entropy"),
        FeedForward((2, 3, 1)),
        Network(Sequential(Conv2d(1, 2, 3), BatchNorm2d(2), ReLU(), Flatten(), Linear(8, 3)), (4, 4, 1)),
        Network(cnn(1, 3, channels=[2, 3]), (8, 8, 1)),
        Network(Transformer(5, length=4, width=8, depth=1, heads=2), (4,)),
        VAE(6, (4,), 2),
        Autoencoder(6, (4,), 2),
        DiffusionNetwork(MLPDenoiser(2, classes=2, width=8), (2,), steps=20),
    ]


def model_files() -> list[bytes]:
    preprocessing = {"input": [4, 4, 1], "range": [0, 1], "data": "iris"}
    made = [Model(network, ("a", "b", "c"), preprocessing, "iris", {"test_accuracy": 0.5}) for network in networks()]
    return [file_of(lambda path, one=one: save_model(path, one)) for one in made]


def foreign_files() -> list[bytes]:
    rng = np.random.default_rng(0)
    shapes = [
        {"fc1.weight": (5, 4), "fc1.bias": (5,), "fc2.weight": (3, 5), "fc2.bias": (3,)},
        {"conv.weight": (2, 1, 3, 3), "bn.weight": (2,), "bn.bias": (2,), "bn.running_mean": (2,), "bn.running_var": (2,)},
    ]
    files = [in_order(save({name: rng.random(shape).astype(np.float32) for name, shape in one.items()})) for one in shapes]
    small = {"fc.weight": {"dtype": "BF16", "shape": [3, 4], "data_offsets": [0, 24]}}
    header = json.dumps(small).encode()
    return [*files, struct.pack("<Q", len(header)) + header + bytes(range(24))]


@cache
def layered() -> Path:
    """A file of somebody else's with layers of every kind."""
    rng = np.random.default_rng(0)
    shapes = {
        "conv1.weight": (4, 1, 3, 3), "conv1.bias": (4,), "bn.weight": (4,), "bn.bias": (4,), "bn.running_mean": (4,),
        "bn.running_var": (4,), "conv2.weight": (4, 2, 3, 3), "norm.weight": (4,), "norm.bias": (4,), "fc1.weight": (6, 64),
        "fc1.bias": (6,), "fc2.weight": (3, 6), "fc2.bias": (3,),
    }  # fmt: skip
    path = place() / "layered.safetensors"
    path.write_bytes(save({name: rng.random(shape).astype(np.float32) for name, shape in shapes.items()}))
    return path


LAYERS = [
    b"conv1 bn relu conv2 norm:group2 tanh flatten fc1 relu fc2 softmax",
    b"conv1+1/2 bn silu conv2+2 norm:layer gelu pool2 avgpool2 globalpool flatten dropout fc1 sigmoid fc2",
    b"fc1 leaky_relu fc2 conv1 conv2 bn norm:group4",
]


def import_layers(content: bytes) -> None:
    open_foreign(layered(), (8, 8, 1), content.decode("utf-8", "replace"))


# ---------------------------------------------------------------- trainings


@cache
def splits(name: str) -> Any:
    return data.load(name)


def training_of(recipe: Recipe) -> Steps:
    """A recipe's training as it begins, where it asks for nothing large or far away."""
    if recipe.data not in ("iris", "moons") or recipe.data_options or recipe.latents_of or recipe.start_from:
        raise ByhandError("other data are read by other targets")
    with at_most(FEW):
        network = build(recipe, splits(recipe.data))
    return begin(recipe, network, splits(recipe.data))


SMALL = ("iris", "moons", "moons-diffusion")
MODELS = [
    dataclasses.replace(RECIPES["iris"], model="vae", model_options={"latent": 2}),
    dataclasses.replace(RECIPES["iris"], model="autoencoder", optimizer="adam", clip=1.0, schedule="cosine"),
]


def recipe_files() -> list[bytes]:
    # All of them on small data, so that they are not only read but begun.
    recipes = [dataclasses.replace(one, data="moons", data_options={}, latents_of="") for one in RECIPES.values()] + MODELS
    return [
        tomli_w.dumps({key: value for key, value in dataclasses.asdict(recipe).items() if value is not None}).encode()
        for recipe in recipes
    ]


def take_recipe(content: bytes) -> None:
    folder = place() / "run"
    folder.mkdir(exist_ok=True)
    (folder / "recipe.toml").write_bytes(content)
    recipe = read_recipe(folder)
    assert recipe is not None
    if _modest(recipe):
        training_of(recipe)


SETTINGS = [
    f"{field.name}={json.dumps(getattr(RECIPES['moons'], field.name))}".encode() for field in dataclasses.fields(Recipe)
] + [b"hidden=[3,4]", b'optimizer_settings={"momentum":0.9}', b'augment={"shift":2}', b"clip=1.0", b"cost=bce", b"lr=0,5",
     b"model=vae", b'model_options={"latent":2}', b"optimizer=adam", b"schedule=one_cycle", b"model=diffusion",
     b'model=vae\nmodel_options={"latent":2,"conditional":true}\nhidden=[3]\nbinarise=true', b"optimizer=adamw\nclip=1\nl1=0.1",
     b'optimizer=sgd\noptimizer_settings={"momentum":0.9,"nesterov":true}\nschedule=cosine\neven=true\nepochs=3\nbatch_size=7',
     b'model=autoencoder\nmodel_options={"latent":2}\naugment={"shift":2,"rotate":5}']  # fmt: skip


def take_settings(content: bytes) -> None:
    texts = content.decode("utf-8", "replace").split("\n")
    recipe = RECIPES[SMALL[len(content) % len(SMALL)]].changed(**dict(parse_setting(text) for text in texts))
    if _modest(recipe):
        training_of(recipe)


def _modest(recipe: Recipe) -> bool:
    """Whether its network is small: a large one may be had for the asking, and then takes its memory."""
    numbers = [*recipe.hidden, *(value for value in recipe.model_options.values() if isinstance(value, int))]
    return all(not isinstance(number, int) or abs(number) < 300 for number in numbers) and len(numbers) < 12


@cache
def iris_training() -> Steps:
    return training_of(RECIPES["iris"].changed(epochs=2, optimizer="adam"))


SOMEWHERE = "the same library, byhand on 2 threads"  # what this machine computes with must not change what is tried


def checkpoint_files() -> list[bytes]:
    training = iris_training()
    found = [file_of(lambda path: write_checkpoint(path, training, SOMEWHERE))]
    for _ in range(5):
        next(training)
    return [*found, file_of(lambda path: write_checkpoint(path, training, SOMEWHERE))]


def resume(path: Path) -> None:
    training = iris_training()
    read_checkpoint(path, training)
    if training.index < training.total:
        next(training)


@cache
def recorded() -> dict[str, bytes]:
    training = training_of(RECIPES["iris"].changed(epochs=2))
    recording = start_recording(place() / "recorded", training, 1 << 20)
    for _ in range(3):
        recording.append(training)
        next(training)
    return {path.name: path.read_bytes() for path in recording.folder.iterdir()}


def take_recording(content: bytes) -> None:
    folder = place() / "recorded" / "recording"
    for name, there in recorded().items():
        (folder / name).write_bytes(content if name == "index.jsonl" else there)
    recording = read_recording(place() / "recorded")
    recording.costs()
    for number in range(len(recording.snapshots)):
        recording.state(number)


def history_files() -> list[bytes]:
    rows = [Epoch(i, 10 * i + 10, 0.5, 1 / (i + 1), 0.25, 0.5 if i else None, 0.1) for i in range(3)]
    return [file_of(History(rows).write)]


def take_history(path: Path) -> None:
    history = read_history(path, before_step=25)
    assert history.seconds is not None
    history.write(path)


# ---------------------------------------------------------------- pages


class Silent:
    """Stands for the training process, which a page's command must not reach before it is checked."""

    def send(self, command: dict[str, Any]) -> None:
        json.dumps(command)

    def close(self) -> None: ...


@cache
def live() -> Live:
    made = Live()
    made.trainer.close()
    made.trainer = Silent()  # type: ignore[assignment]
    made.doctor.examine = lambda recipe, settings: json.dumps([recipe, settings])  # type: ignore[assignment,method-assign,return-value]
    return made


COMMANDS: list[dict[str, Any]] = [
    {"do": "start", "settings": {"recipe": "moons", "epochs": 3, "hidden": [4, 5], "lr": 0.1}, "pace": 5, "far": "epoch"},
    {"do": "start", "settings": {"recipe": "iris", "data": "moons", "activation": "relu", "cost": "cross_entropy", "seed": 1}},
    {"do": "examine", "settings": {"recipe": "moons-diffusion", "optimizer": "sgd", "schedule": "cosine", "batch_size": 9}},
    {"do": "go", "far": "step"}, {"do": "pause"}, {"do": "pace", "pace": None}, {"do": "rate", "rate": 0.5}, {"do": "stop"},
    {"do": "cancel"},
]  # fmt: skip


def obey_page(content: bytes) -> None:
    page = live()
    if page.begun is None:
        page.begun = {"settings": {}}
        page.moment = {"state": "running"}
    page.obey(command_in(content.decode("utf-8", "replace")))


def obey_watcher(content: bytes) -> None:
    Control(lambda: True).obey(command_in(content.decode("utf-8", "replace")))


@cache
def targets() -> dict[str, Target]:
    """All of them, by name; made once, in the process that tries them."""
    assert COSTS and optim.OPTIMIZERS
    lines = [json.dumps(command).encode() for command in COMMANDS]
    idx = idx_files()
    text = b"the quick brown fox jumps over the lazy dog. " * 20
    return {
        "idx": Target(on_file("it.idx", read_idx), idx, bytewise),
        "gz": Target(on_file("it.gz", read_idx), [gzip.compress(one, mtime=0) for one in idx], zipped(bytewise)),
        "npz": Target(on_file("it.npz", load_own), npz_files(), archived, 2.0),
        "csv": Target(on_file("it.csv", load_own), TABLES, textwise, 1.5),
        "text": Target(on_file("it.txt", lambda path: load_text(path, 4)), [text, "αβγ δ".encode() * 60], textwise, 0.3),
        "mapping": Target(on_file("it.map", emnist._class_names), [b"0 48\n1 65\n2 97 99\n"], textwise, 0.5),
        "picture": Target(on_file("it.png", read_picture), pictures(), pictured, 2.0),
        "model": Target(on_file("it.safetensors", load_model), model_files(), tensorwise, 2.0),
        "foreign": Target(on_file("it.foreign", lambda path: open_foreign(path, (4,), "")), foreign_files(), tensorwise, 1.0),
        "checkpoint": Target(on_file("it.checkpoint", resume), checkpoint_files(), tensorwise, 1.0),
        "recording": Target(take_recording, [recorded()["index.jsonl"]], jsonwise, 1.0),
        "recipe": Target(take_recipe, recipe_files(), textwise, 1.0),
        "history": Target(on_file("it.jsonl", take_history), history_files(), jsonwise, 0.7),
        "page": Target(obey_page, lines, jsonwise, 1.5),
        "watcher": Target(obey_watcher, lines, jsonwise, 0.7),
        "set": Target(take_settings, SETTINGS, textwise, 1.0),
        "layers": Target(import_layers, LAYERS, textwise, 1.0),
    }


def drawn(target: Target, rng: random.Random, pool: list[bytes]) -> bytes:
    """The next input: one of the pool, changed once or a few times."""
    content = rng.choice(pool)
    for _ in range(1 + (rng.random() < 0.3)):
        content = target.mutate(content, rng)
    return content

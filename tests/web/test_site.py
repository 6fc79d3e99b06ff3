"""The page as static files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from byhand import nn
from byhand.errors import ByhandError, ModelError
from byhand.feedforward import FeedForward
from byhand.modelfile import Model, save_model
from byhand.shipped import shipped
from byhand.web.site import PAGE, SERVED, WATCHED, bundled, models_that_fit, write_site


def test_a_site_holds_every_file_that_the_page_asks_for(tmp_path: Path) -> None:
    page = write_site(tmp_path / "new" / "site", [], single_file=False)
    assert page == tmp_path / "new" / "site" / "index.html"
    names = {path.name for path in page.parent.iterdir()}
    assert {path.name for path in PAGE.iterdir()} - {*SERVED, *WATCHED} <= names
    assert not names & set(SERVED)  # there is no server to train
    assert all("train.html" not in path.read_text() for path in page.parent.glob("*.html"))
    assert {path.name for path in models_that_fit()} <= names
    assert "attention.safetensors" not in names  # it reads text


def test_links_are_relative_and_nothing_comes_from_elsewhere() -> None:
    for path in PAGE.iterdir():
        if path.suffix in {".html", ".css", ".js"}:
            text = path.read_text()
            assert not re.findall(r'(?:src|href)="/|url\(|https?://(?!www\.w3\.org)', text), path.name


def test_a_single_file_holds_everything_and_stays_small(tmp_path: Path) -> None:
    page = write_site(tmp_path, [shipped()["mnist"]], single_file=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "latent.html", "write.html"]
    assert page.stat().st_size <= 1_500_000
    html = page.read_text()
    assert '<link rel="stylesheet"' not in html
    assert not re.search(r"<script[^>]* src=", html)
    assert "connect-src" not in html


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (write_site(tmp_path / name, [], single_file=True).read_bytes() for name in "ab")
    assert first == second


def test_modules_are_bundled_once_and_before_their_users() -> None:
    modules = {
        "main.js": 'import { b } from "./b.js";\nimport { a } from "./a.js";\nb(a);\n',
        "b.js": 'import { a } from "./a.js";\nexport function b() {}\n',
        "a.js": "export const a = 1;\nconst hidden = 2;\n",
    }
    text = bundled(modules)
    assert text.index("module_a =") < text.index("module_b =") < text.index("module_main =")
    assert text.count("const a = 1") == 1
    assert "import" not in text
    assert "export" not in text


def test_models_of_the_same_name_stay_apart(tmp_path: Path) -> None:
    paths = [tmp_path / run / "model.safetensors" for run in ("one two", "one-two")]
    for seed, path in enumerate(paths):
        path.parent.mkdir()
        save_model(path, Model(FeedForward((784, 3, 10), seed=seed), tuple("0123456789")))
    write_site(tmp_path / "site", paths, single_file=False)
    own = {path.name for path in (tmp_path / "site").glob("*.safetensors") if not path.name.startswith(("latent-", "write-"))}
    assert own == {"one-two.safetensors", "one-two-2.safetensors"}


def test_what_cannot_be_written_or_shown_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ByhandError, match="cannot write the page"):
        write_site(tmp_path / "file" / "site", [], single_file=False)
    save_model(tmp_path / "iris.safetensors", Model(FeedForward((4, 5, 3)), ("a", "b", "c")))
    with pytest.raises(ModelError, match="reads 4 numbers"):
        write_site(tmp_path / "site", [tmp_path / "iris.safetensors"], single_file=False)


def test_a_network_that_the_page_cannot_run_is_refused(tmp_path: Path) -> None:
    residual = nn.Residual(nn.Sequential(nn.Conv2d(1, 1, 3, padding=1)))
    net = nn.Network(nn.Sequential(residual, nn.Flatten(), nn.Linear(784, 10)), (28, 28, 1), seed=1)
    save_model(tmp_path / "odd.safetensors", Model(net, tuple("0123456789")))
    with pytest.raises(ModelError, match="the page cannot run a Residual: choose a network of Conv2d, BatchNorm2d"):
        write_site(tmp_path / "site", [tmp_path / "odd.safetensors"], single_file=False)
    assert not (tmp_path / "site").exists()


def test_a_convolutional_network_is_told_in_a_few_words(tmp_path: Path) -> None:
    write_site(tmp_path, [shipped()["mnist-cnn"]], single_file=False)
    [entry] = json.loads((tmp_path / "models.json").read_text())
    assert entry["facts"] == "6 convolutions, 72,666 parameters · 99.6% right"

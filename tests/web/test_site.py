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
from byhand.web.page_frame import VIEWS
from byhand.web.site import IMPORT, PAGE, STATIC, STYLE, WATCHED, bundled, imported, models_that_fit, page_files, write_site


@pytest.mark.slow
def test_a_site_holds_every_file_that_the_page_asks_for(tmp_path: Path) -> None:
    page = write_site(tmp_path / "new" / "site", [], single_file=False)
    assert page == tmp_path / "new" / "site" / "index.html"
    names = {path.name for path in page.parent.iterdir()}
    assert {*STATIC, "style.css", "sample.bin", "draw.js", "latent.js", "write.js"} <= names
    for script in page.parent.glob("*.js"):
        assert set(re.findall(r'from "\./(.+?)"', script.read_text())) <= names, script.name
    assert not names & {"train.html", "train.js", "train.css", "connection.js", "microscope.html"}  # there is no server to train
    assert all("train.html" not in path.read_text() for path in page.parent.glob("*.html"))
    assert {path.name for path in models_that_fit()} <= names
    assert "attention.safetensors" not in names  # it reads text


@pytest.mark.slow
def test_every_page_has_the_same_navigation_and_says_which_one_it_is() -> None:
    files = page_files([], served=True)
    for view in VIEWS:
        text = files[view].decode()
        [links] = re.findall(r'<nav class="views" aria-label="Views">(.*)</nav>', text)
        assert re.findall(r'href="(.+?)"', links) == list(VIEWS)
        assert re.findall(r'href="([^"]+)" aria-current="page"', links) == [view]
        assert "<!--" not in text  # nothing is left to put in
        assert text.count("Content-Security-Policy") == 1


@pytest.mark.slow
def test_no_file_of_the_pages_is_left_over_and_none_is_missing() -> None:
    page, script = WATCHED
    watched = {page, *imported(script, lambda name: (PAGE / name).read_text()), *STYLE.findall((PAGE / page).read_text())}
    assert {path.name for path in PAGE.iterdir() if path.is_file()} == watched | {
        name for name in page_files([], served=True) if (PAGE / name).exists()
    }


SCRIPTS = [*PAGE.glob("*.js"), *(PAGE.parent / "replay").glob("*.js")]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_html_is_made_by_the_builder_alone_and_no_file_grows_long(path: Path) -> None:
    text = path.read_text()
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|setHTML", text)
    if path.name != "html.js":
        assert not re.findall(r"createElement|DOMParser|new Option", text), "elements are made by element() of html.js"
        assert not re.findall(r"[`\"']<(?!b>|=)[a-z/]", text), "there is HTML in a string"
    assert text.startswith("// ")  # what the file is about
    assert text.count("\n") <= 300


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_what_a_module_imports_is_exported_there_and_used_here(path: Path) -> None:
    texts = {script.name: script.read_text() for script in SCRIPTS}
    for names, module in IMPORT.findall(texts[path.name]):
        exported = re.findall(r"^export (?:async )?(?:function\*?|const|class) (\w+)", texts[module], re.M)
        for name in re.findall(r"\w+", names):
            assert name in exported, f"{module} exports no {name}"
            assert len(re.findall(rf"\b{name}\b", texts[path.name])) > 1, f"{name} is imported for nothing"


def test_there_is_one_plotter() -> None:
    assert [
        path.name
        for path in SCRIPTS
        if re.search(r"function (drawCurves|curves|drawHistogram|histogram)\(canvas", path.read_text())
    ] == ["plots.js"]


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


@pytest.mark.slow
def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (write_site(tmp_path / name, [], single_file=True).read_bytes() for name in "ab")
    assert first == second


def test_modules_are_bundled_once_and_before_their_users() -> None:
    modules = {
        "main.js": 'import { b } from "./b.js";\nimport { a } from "./a.js";\nb(a);\n',
        "b.js": 'import { a } from "./a.js";\nexport function b() {}\n',
        "a.js": "export const a = 1;\nconst hidden = 2;\n",
    }
    text = bundled(modules, "main.js")
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


@pytest.mark.slow
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

"""The page as files: a folder for any web host, or one HTML file with everything inside, which also works from file://.

The page itself is plain HTML, CSS and ES modules in `page/`, with relative links only; what all pages have in common is put in
by `page_frame`. A page asks for its data by name (`models.json`, `sample.bin`, the models); where the document carries an element
with that name, that is the data.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from byhand.errors import ByhandError, ModelError
from byhand.files import write_atomically
from byhand.modelfile import load_model
from byhand.neural_network import CLASSIFICATION
from byhand.nn import Conv2d
from byhand.shipped import shipped
from byhand.web.handwriting import writer_files
from byhand.web.page_frame import POLICY, VIEWS, framed, navigation

PAGE = Path(__file__).parent / "page"
DEFAULT = "mnist"
CODERS = ("mnist-ae", "mnist-vae", "mnist-vae-2d")
RUNS = (
    "Conv2d", "BatchNorm2d", "ReLU", "SiLU", "Tanh", "MaxPool2d", "AvgPool2d", "GlobalAvgPool2d", "Flatten", "Dropout", "Linear",
)  # fmt: skip
CLASSES = 20  # whose outputs have room side by side
PIXELS = 28 * 28

STYLE = re.compile(r'<link rel="stylesheet" href="(.+?)">\n')
IMPORT = re.compile(r'^import (.*?) from "\./(.+?)";$', re.M | re.S)
NAVIGATION = re.compile(r'  <nav class="views".*</nav>\n')
STATIC = ("index.html", "latent.html", "write.html")  # the views that need no server
WATCHED = "watch.html", "watch.js"  # a watched program's own page, and the script that it begins with


def page_files(models: list[Path], *, served: bool = False) -> dict[str, bytes]:
    """Every file of the pages by its relative name, with these models; the first is the one shown first.

    `served`: with the views that need Python behind them, Train and Microscope.

    Raises ModelError for a model that does not read 28 x 28 pixels.
    """
    models = models or models_that_fit()
    names = _names(models)
    files = {"models.json": json.dumps([_entry(name, path) for name, path in zip(names, models, strict=True)]).encode()}
    files |= {f"{name}.safetensors": path.read_bytes() for name, path in zip(names, models, strict=True)}
    coders = {f"latent-{path.name}": path for path in coders_that_fit()}  # beside a model of one's own that has the same name
    files["coders.json"] = json.dumps([{"name": path.stem, "file": name} for name, path in coders.items()]).encode()
    files |= {name: path.read_bytes() for name, path in coders.items()}
    files["sample.bin"] = (PAGE / "sample.bin").read_bytes()
    writing = writer_files()
    files |= writing
    needs = {"latent.html": bool(coders), "write.html": bool(writing)}  # without them there is nothing to show
    views = [view for view in (VIEWS if served else STATIC) if needs.get(view, True)]
    for view in views:
        files |= view_files(view, VIEWS[view].script, navigation(view, views))
    return files


def view_files(view: str, script: str, navigation: str) -> dict[str, bytes]:
    """A view's document, with this navigation in it, and every style and script that it loads, by their names."""
    page = framed((PAGE / view).read_text(encoding="utf-8"), navigation)
    names = [*STYLE.findall(page), *imported(script, lambda name: (PAGE / name).read_text(encoding="utf-8"))]
    return {view: page.encode()} | {name: (PAGE / name).read_bytes() for name in names}


def coders_that_fit() -> list[Path]:
    """The shipped autoencoders and VAEs of digits that the Walk view walks through, in the order in which it shows them."""
    found = shipped()
    return [found[name] for name in CODERS if name in found]


def models_that_fit() -> list[Path]:
    """The shipped models that read 28 x 28 pixels and tell a few classes apart, the default one first."""
    models = {path: load_model(path) for path in shipped().values()}
    paths = [
        path
        for path, model in models.items()
        if model.network.n_inputs == PIXELS and model.purpose == CLASSIFICATION and model.network.n_outputs <= CLASSES
    ]
    if not paths:
        raise ModelError("no model that reads 28 x 28 pixels ships with this byhand: give one, as `byhand train mnist` writes it")
    return sorted(paths, key=lambda path: path.stem != DEFAULT)


def written_pages(directory: Path) -> list[Path]:
    """The pages that `write_site` wrote into a folder: one for each view."""
    return [directory / view for view in VIEWS if (directory / view).exists()]


def write_site(directory: Path, models: list[Path], single_file: bool) -> Path:
    """Write the page into a folder, made if need be, and return the path of its `index.html`.

    `models` are offered in this order, all that ship if it is empty; `single_file` puts each view (Draw, Walk, Write) into an
    HTML file of its own that stands alone: `index.html`, `latent.html` and `write.html`.

    Raises ModelError for a model that does not read 28 x 28 pixels, ByhandError for a folder that cannot be written.
    """
    files = page_files(models)
    if single_file:
        files = {view: inlined(files, view) for view in VIEWS if view in files}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_atomically(directory / name, content)
    except OSError as error:
        raise ByhandError(f"cannot write the page into {directory}: {error.strerror or error}") from error
    return directory / "index.html"


def inlined(files: dict[str, bytes], view: str = "index.html") -> bytes:
    """A view as one HTML file that stands alone: style and script inside, the data it asks for as text in base 64."""
    html, style = NAVIGATION.sub("", files[view].decode()), files["style.css"].decode()
    entry = VIEWS[view].script
    script = bundled({name: content.decode() for name, content in files.items() if name.endswith(".js")}, entry)
    wanted = _wanted(files, view)
    data = "".join(
        f'<script type="application/octet-stream" data-file="{name}">{base64.b64encode(content).decode()}</script>\n'
        for name, content in files.items()
        if name in wanted
    )
    # The policy names the one script and the one style by their hashes, and allows no connection at all.
    policy = f"default-src 'none'; script-src {hashed(script)}; style-src {hashed(style)}; img-src data: blob:; base-uri 'none'"
    html = _replaced(html, POLICY, policy)
    html = _replaced(html, '<link rel="stylesheet" href="style.css">', f"<style>{style}</style>")
    return _replaced(
        html, f'<script type="module" src="{entry}"></script>', f'{data}<script type="module">{script}</script>'
    ).encode()


def _wanted(files: dict[str, bytes], view: str) -> set[str]:
    """The names of the data that a view asks for."""
    if view == "write.html":
        rows = json.loads(files["writers.json"])
        plane = json.loads(files["hand.json"])["plane"]
        return {"writers.json", "hand.json", plane, *(row[part] for row in rows for part in ("file", "coder"))}
    listing = "coders.json" if view == "latent.html" else "models.json"
    return {listing, "sample.bin", *(row["file"] for row in json.loads(files[listing]))}


def imported(entry: str, source: Callable[[str], str]) -> list[str]:
    """The modules that a script is made of by their names, each before those that import it; `source` reads one."""
    found: list[str] = []

    def add(name: str) -> None:
        if name not in found:
            for needed in IMPORT.findall(source(name)):
                add(needed[1])
            found.append(name)

    add(entry)
    return found


def bundled(modules: dict[str, str], entry: str) -> str:
    """ES modules as one: each becomes a function that returns its exports, and stands before those that import it."""
    done = []
    for name in imported(entry, modules.__getitem__):
        exports = re.findall(r"^export (?:async )?(?:function\*?|const|class) (\w+)", modules[name], re.M)
        body = IMPORT.sub(lambda found: f"const {found[1]} = {_variable(found[2])};", modules[name])
        body = re.sub(r"^export ", "", body, flags=re.M)
        done.append(f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exports)} }};\n}})();\n")
    return "\n" + "".join(done).replace("</script", "<\\/script")


def _variable(module: str) -> str:
    return "module_" + module.removesuffix(".js").replace("-", "_")


def _replaced(html: str, old: str, new: str) -> str:
    if html.count(old) != 1:
        raise ByhandError(f"the page must hold {old} once: this installation is damaged, install byhand again")
    return html.replace(old, new)


def hashed(text: str) -> str:
    """A script or style as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _names(models: list[Path]) -> list[str]:
    """A name a model: its file's, or its run's for a `model.safetensors`; made safe for links, and different from each other."""
    names: list[str] = []
    for path in models:
        stem = path.resolve().parent.name if path.stem == "model" else path.stem
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "model"
        numbered = (f"{name}-{number}" for number in count(2))
        names.append(name if name not in names else next(other for other in numbered if other not in names))
    return names


def _entry(name: str, path: Path) -> dict[str, str]:
    """What the page shows of a model before it has read it."""
    model = load_model(path)
    if model.network.n_inputs != PIXELS:
        raise ModelError(
            f"{path} reads {model.network.n_inputs} numbers, but the page draws 28 x 28 = {PIXELS} pixels: "
            "choose a model of images, or one that was trained with --preparation mnist; `byhand predict` reads pictures for it"
        )
    network = model.classifier
    facts = [_convolutions(network) if network.modules() else "–".join(map(str, network.sizes))]
    if isinstance(model.metrics.get("test_accuracy"), float):
        facts.append(f"{model.metrics['test_accuracy']:.1%} right")
    return {"name": name, "file": f"{name}.safetensors", "facts": " · ".join(facts)}


def _convolutions(network: Any) -> str:
    """A network of modules in a few words; raises ModelError for one that `convolutions.js` cannot run."""
    described = network.module.describe()
    strange = [layer["kind"] for layer in described.get("layers", [described]) if layer["kind"] not in RUNS]
    if strange:
        raise ModelError(f"the page cannot run a {strange[0]}: choose a network of {', '.join(RUNS)}, one behind the other")
    count_of = sum(isinstance(module, Conv2d) for module in network.modules())
    return f"{count_of} convolutions, {network.parameters.size:,} parameters"

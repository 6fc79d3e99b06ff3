"""The page as files: a folder for any web host, or one HTML file with everything inside, which also works from file://.

The page itself is plain HTML, CSS and ES modules in `page/`, with relative links only. It asks for its data by name
(`models.json`, `sample.bin`, the models); where the document carries an element with that name, that is the data.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import count
from pathlib import Path

from byhand.errors import ByhandError, ModelError
from byhand.files import write_atomically
from byhand.modelfile import load_model
from byhand.nn import Conv2d, Network
from byhand.shipped import shipped
from byhand.web.handwriting import writer_files

PAGE = Path(__file__).parent / "page"
DEFAULT = "mnist"
CODERS = ("mnist-ae", "mnist-vae", "mnist-vae-2d")
RUNS = (
    "Conv2d", "BatchNorm2d", "ReLU", "SiLU", "Tanh", "MaxPool2d", "AvgPool2d", "GlobalAvgPool2d", "Flatten", "Dropout", "Linear",
)  # fmt: skip
CLASSES = 20  # whose outputs have room side by side
PIXELS = 28 * 28

STYLE = '<link rel="stylesheet" href="style.css">'
VIEWS = {  # and the script that each begins with
    "index.html": "main.js",
    "latent.html": "latent.js",
    "write.html": "write.js",
    "train.html": "train.js",
    "microscope.html": "microscope.js",
}
SERVED = (  # of no use without the server
    "train.html", "train.css", "train.js", "socket.js", "form.js", "plots.js", "layers.js", "tiles.js", "mistakes.js",
    "decision.js", "curve.js", "doctor.js", "microscope.html", "microscope.css", "microscope.js", "lens.js", "terms.js",
)  # fmt: skip
WATCHED = ("watch.html", "watch.js")  # which a watched program serves itself
NAVIGATION = re.compile(r"  <nav class=\"views\".*</nav>\n")
POLICY = re.compile(r'(<meta http-equiv="Content-Security-Policy" content=")[^"]*')


def page_files(models: list[Path], *, served: bool = False) -> dict[str, bytes]:
    """Every file of the page by its relative name, with these models; the first is the one shown first.

    `served`: with the Train view, which needs Python behind it. Raises ModelError for a model that does not read 28 x 28 pixels.
    """
    models = models or models_that_fit()
    names = _names(models)
    files = {path.name: path.read_bytes() for path in sorted(PAGE.iterdir()) if path.is_file() and path.name not in WATCHED}
    files["models.json"] = json.dumps([_entry(name, path) for name, path in zip(names, models, strict=True)]).encode()
    files |= {f"{name}.safetensors": path.read_bytes() for name, path in zip(names, models, strict=True)}
    coders = {f"latent-{path.name}": path for path in coders_that_fit()}  # beside a model of one's own that has the same name
    files["coders.json"] = json.dumps([{"name": path.stem, "file": name} for name, path in coders.items()]).encode()
    files |= {name: path.read_bytes() for name, path in coders.items()}
    if not coders:  # nothing to walk through
        del files["latent.html"]
    writing = writer_files()
    files |= writing
    if not writing:
        del files["write.html"]
    if not served:
        for name in SERVED:
            del files[name]
    for view in VIEWS:
        if view in files:
            files[view] = _linked(files[view].decode(), files).encode()
    return files


def _linked(html: str, files: dict[str, bytes]) -> str:
    """A view without links to views that are not there, and without the navigation where it is alone."""
    for view in VIEWS:
        if view not in files:
            html = re.sub(rf'<a href="{view}">[^<]*</a>', "", html)
    return html if len(VIEWS.keys() & files.keys()) > 1 else NAVIGATION.sub("", html)


def coders_that_fit() -> list[Path]:
    """The shipped autoencoders and VAEs of digits that the Latent view walks through, in the order in which it shows them."""
    found = shipped()
    return [found[name] for name in CODERS if name in found]


def models_that_fit() -> list[Path]:
    """The shipped models that read 28 x 28 pixels and tell a few classes apart, the default one first."""
    models = {path: load_model(path) for path in shipped().values()}
    paths = [
        path
        for path, model in models.items()
        if model.network.n_inputs == PIXELS and not (model.has_codes or model.draws) and model.network.n_outputs <= CLASSES
    ]
    if not paths:
        raise ModelError("no model that reads 28 x 28 pixels ships with this byhand: give one, as `byhand train mnist` writes it")
    return sorted(paths, key=lambda path: path.stem != DEFAULT)


def write_site(directory: Path, models: list[Path], single_file: bool) -> Path:
    """Write the page into a folder, made if need be, and return the path of its `index.html`.

    `models` are offered in this order, all that ship if it is empty; `single_file` puts each view (Draw, Latent, Write) into one
    HTML file that stands alone.

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
    entry = VIEWS[view]
    script = bundled({name: content.decode() for name, content in files.items() if name.endswith(".js")}, entry)
    wanted = _wanted(files, view)
    data = "".join(
        f'<script type="application/octet-stream" data-file="{name}">{base64.b64encode(content).decode()}</script>\n'
        for name, content in files.items()
        if name in wanted
    )
    # The policy names the one script and the one style by their hashes, and allows no connection at all.
    policy = f"default-src 'none'; script-src {hashed(script)}; style-src {hashed(style)}; img-src data: blob:; base-uri 'none'"
    html = POLICY.sub(lambda match: match[1] + policy, html)
    html = _replaced(html, STYLE, f"<style>{style}</style>")
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


def bundled(modules: dict[str, str], entry: str = "main.js") -> str:
    """ES modules as one: each becomes a function that returns its exports, and stands before those that import it."""
    done: dict[str, str] = {}

    def add(name: str) -> None:
        if name in done:
            return
        source = modules[name]
        for needed in re.findall(r'^import .*? from "\./(.+?)";$', source, re.M | re.S):
            add(needed)
        exports = re.findall(r"^export (?:async )?(?:function\*?|const|class) (\w+)", source, re.M)
        body = re.sub(
            r'^import (.*?) from "\./(.+?)";$', lambda m: f"const {m[1]} = {_variable(m[2])};", source, flags=re.M | re.S
        )
        body = re.sub(r"^export ", "", body, flags=re.M)
        done[name] = f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exports)} }};\n}})();\n"

    add(entry)
    return "\n" + "".join(done.values()).replace("</script", "<\\/script")


def _variable(module: str) -> str:
    return "module_" + module.removesuffix(".js").replace("-", "_")


def _replaced(html: str, old: str, new: str) -> str:
    if html.count(old) != 1:
        raise ByhandError(f"the page's index.html must hold {old} once: this installation is damaged, install byhand again")
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
            "choose a model of images"
        )
    network = model.classifier
    facts = [_convolutions(network) if isinstance(network, Network) else "–".join(map(str, network.sizes))]
    if isinstance(model.metrics.get("test_accuracy"), float):
        facts.append(f"{model.metrics['test_accuracy']:.1%} right")
    return {"name": name, "file": f"{name}.safetensors", "facts": " · ".join(facts)}


def _convolutions(network: Network) -> str:
    """A network of modules in a few words; raises ModelError for one that `convolutions.js` cannot run."""
    described = network.module.describe()
    strange = [layer["kind"] for layer in described.get("layers", [described]) if layer["kind"] not in RUNS]
    if strange:
        raise ModelError(f"the page cannot run a {strange[0]}: choose a network of {', '.join(RUNS)}, one behind the other")
    count_of = sum(isinstance(module, Conv2d) for _, module in network.module.modules())
    return f"{count_of} convolutions, {network.parameters.size:,} parameters"

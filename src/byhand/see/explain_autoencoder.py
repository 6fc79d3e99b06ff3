"""A training step of an autoencoder or a VAE, explained: encoder, code, decoder, the parts of the loss, and back.

The step is taken with the eps that the training would have drawn. The batch's first sample is followed, and of it one number of
the code and one pixel: unless named, the number that says most and the pixel that costs most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from byhand.errors import ModelError
from byhand.models.autoencoder import Autoencoder
from byhand.models.vae import VAE
from byhand.optim import SGD
from byhand.see.accounts import Request, gives_account
from byhand.see.explanation import BOOK, Explanation, Names, Sample, Stage, table_of_names
from byhand.see.gradient_check import prove
from byhand.see.image import side
from byhand.see.section import Picture
from byhand.see.step_numbers import StepNumbers
from byhand.see.step_sections import sections_of
from byhand.see.take_step import take_step
from byhand.see.unicode_math import plain
from byhand.see.update import follow
from byhand.see.weight import Entry
from byhand.terms import At

PLACE = re.compile(r"\s*(\d{1,9})\s*,\s*(\d{1,9})\s*")
STAGES = (
    Stage("forward", "Forward", "Encoder, code, decoder: a few numbers have to tell all that the decoder will draw."),
    Stage(
        "cost",
        "Cost",
        "What it costs that the image came back changed, and, of a VAE, that the code says more than N(0, 1) does.",
    ),
    Stage("backward", "Backward", "The error goes back through the decoder, through the code, and through the encoder."),
    Stage("update", "Update", "The optimiser turns the gradient of each parameter into its change. For the followed weights:"),
)


@gives_account(
    VAE,
    Autoencoder,
    called="an autoencoder",
    option="at",
    advice="name a number of the code and a pixel instead, as in --at 3,406",
)
def explain_autoencoder(network: VAE | Autoencoder, request: Request) -> Explanation:
    """One step of an autoencoder or a VAE; the place of the request is "J,P", a number of the code and a pixel."""
    optimizer = request.optimizer or SGD(0.01)
    step = take_step(network, request.x, request.y, optimizer, clip_length=request.clip, rng=request.rng)
    classes = list(request.classes) or [str(k) for k in range(request.y.shape[1])]
    labels = [classes[int(row.argmax())] for row in request.y]
    samples = tuple(Sample(index, label) for index, label in zip(request.indices, labels, strict=True))
    numbers = StepNumbers(step, samples)
    code, pixel = _followed(numbers, request.at)
    places = _places(numbers, code, pixel)
    entries = [Entry(name, places[name]) for name in _last_weights(numbers)]
    sections = sections_of(numbers, entries, places)
    last = entries[0].name.removesuffix(".weight")
    told = ("Code: it is drawn", "Code: what", "Code: through", "L_", "C:", f"BP4, {last}", f"Update: the weight {entries[0]}")
    variational = "kl" in step.record.found
    images = (
        ("x", "what went in", step.x[0]),
        ("a", "what came back", step.answers[0]),
        ("a", "after the step", step.answers_after[0]),
    )
    said = step.record.found["mu"] if variational else step.record.found["encoder.a"][-1]
    return Explanation(
        step=step,
        samples=samples,
        stages=STAGES,
        sections=sections,
        brief=tuple(section.title for section in sections if section.title.startswith(told)),
        weights=follow(step, [prove(step, entry) for entry in entries], samples),
        names=table_of_names(_names(numbers)),
        about=(("Network", repr(step.network)),),
        followed=f"sample {samples[0].name}, number {code} of its code, pixel {pixel}",
        counting=f"Everything is counted from 0, as in the model file: e0 is the encoder's first layer, d0 the decoder's. {BOOK}",
        pictures=(
            *(
                Picture(np.clip(x, 0, 1).reshape(1, n, n), symbol, about, grey=True)
                for symbol, about, x in images
                if (n := side(x.size))
            ),
            Picture(said[0].reshape(1, 1, -1), r"\mu" if variational else "c", "the code, one field a number"),
        ),
        details={"code": code, "pixel": pixel, "followed": {name: list(at) for name, at in places.items()}},
    )


# ---------------------------------------------------------------- what is followed


def _followed(numbers: StepNumbers, at: Sequence[str]) -> tuple[int, int]:
    net, found = numbers.step.network, numbers.step.record.found
    if at:
        match = PLACE.fullmatch(str(at[0]))
        if not match or len(at) > 1:
            raise ModelError(f"place {', '.join(map(str, at))!r} is not J,P: a number of the code and a pixel, as in --at 3,406")
        code, pixel = map(int, match.groups())
        if code >= net.latent or pixel >= net.n:
            raise ModelError(
                f"place {at[0]!r} is not in this network: its code has the numbers 0 to {net.latent - 1}, "
                f"and an image the pixels 0 to {net.n - 1}"
            )
        return code, pixel
    strength = found["kl"] if "kl" in found else np.abs(found["encoder.a"][-1])
    costs = numbers.array("L_rec").terms
    assert costs is not None  # a record says them
    each = sum(np.asarray(part.values).reshape(-1) for part in costs((0,)))
    return int(strength[0].argmax()), int(np.argmax(each))


def _places(numbers: StepNumbers, code: int, pixel: int) -> dict[str, At]:
    """Which number of every array is followed: of the batch's first sample, and in each layer, from the last one back, the unit
    whose part in the sum of the followed one after it is largest."""
    places: dict[str, At] = dict.fromkeys(("eps", "mu", "log_sigma", "z", "kl", "code", "noisy"), (0, code))
    places |= dict.fromkeys(("dz", "d_mu", "d_log_sigma", "d_code"), (0, code)) | {"L_rec": (0,), "L_reg": (0,)}
    for half, last in (("encoder", code), ("decoder", pixel)):
        layers, unit = numbers.step.record.found[f"{half}.a"], last
        for k in reversed(range(len(layers) - 1)):
            x, w = layers[k][0], numbers.array(f"{half}.{k}.weight").values
            weight = (unit, int(np.abs(x).argmax()))
            places |= dict.fromkeys([f"{half}.{k}.{what}" for what in ("z", "a", "delta")], (0, unit))
            places |= {f"{half}.{k}.weight": weight, f"{half}.{k}.weight.gradient": weight, f"{half}.{k}.bias.gradient": (unit,)}
            unit = int(np.abs(w[unit] * x).argmax())
    return places


def _last_weights(numbers: StepNumbers) -> list[str]:
    """The matrices of the last layer of each half."""
    names = [name for name in numbers.groups if name.endswith(".weight")]
    return [[name for name in names if name.startswith(half)][-1] for half in ("encoder", "decoder")]


def _names(numbers: StepNumbers) -> Iterator[Names]:
    """What each parameter is called: in the formulas, in Python, and in files and the microscope."""
    for name in numbers.groups:
        array, (half, layer, single) = numbers.array(name), name.split(".")
        several, index = ("weights", "j,k") if single == "weight" else ("biases", "j")
        yield plain(array.symbol), array.values.shape, f"{name}:{index}", f"network.{half}.{several}[{layer}]", name, name

"""A training step of an autoencoder or a VAE, explained: encoder, code, decoder, the parts of the loss, and back.

The step is taken with the eps that the training would have drawn. The batch's first sample is followed, and of it one number of
the code and one pixel: unless named, the number that says most and the pixel that costs most. Each half counts its layers as the
book does: what it reads is its layer 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from byhand.errors import ModelError
from byhand.models.autoencoder import Autoencoder
from byhand.models.vae import VAE
from byhand.optim import SGD
from byhand.see.accounts import Request, gives_account
from byhand.see.code_sections import (
    code_section,
    cost_section,
    divergence_section,
    draw_errors_section,
    drawn_code_section,
    out_of_decoder_section,
    reconstruction_section,
)
from byhand.see.explanation import Explanation, Sample, Stage, table_of_names
from byhand.see.image import side
from byhand.see.layer import BOOK, FIRST, Layer, layers_of, names_of_layers
from byhand.see.layer_sections import backward_sections, cost_terms, forward_sections, output_error_section
from byhand.see.proof import Proof, prove
from byhand.see.section import Picture
from byhand.see.step import TrainingStep
from byhand.see.take_step import take_step
from byhand.see.update import clipping, follow, update_sections
from byhand.see.weight import Entry

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

Halves = dict[str, list[Layer]]


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
    halves = _halves(step)
    code, pixel = _followed(step, halves, request.at)
    units = {half: _units(layers, last) for (half, layers), last in zip(halves.items(), (code, pixel), strict=True)}
    entries = {
        half: Entry(f"{half}.{len(layers) - 1}.weight", _place(layers[-1], units[half][-1])) for half, layers in halves.items()
    }
    variational = "kl" in step.record.found
    encoder, decoder = (
        [(layer, *_place(layer, j)) for layer, j in zip(halves[half], units[half], strict=True)] for half in halves
    )
    sections = (
        *forward_sections([(layer, j) for layer, j, _ in encoder]),
        (drawn_code_section if variational else code_section)(step, code),
        *forward_sections([(layer, j) for layer, j, _ in decoder]),
        reconstruction_section(step, decoder[-1][0], pixel),
        *([divergence_section(step)] if variational else []),
        cost_section(step, decoder[-1][0]),
        output_error_section(decoder[-1][0], pixel, step.network.cost, step.x, "x", [type(network)._reconstruction_error]),
        *backward_sections(decoder),
        out_of_decoder_section(step, decoder[0][0], code),
        *([draw_errors_section(step, code)] if variational else []),
        *backward_sections(encoder),
        *clipping(step),
        *update_sections(step, entries.values()),
    )
    last = encoder[-1][0]
    told = (
        "The code",
        "L_rec",
        "L_reg",
        "The cost",
        "Through the draw",
        f"BP4, {last.name}",
        f"Update: the weight {entries['encoder']}",
    )
    images = (
        ("x", "what went in", step.x[FIRST]),
        ("a", "what came back", step.answers[FIRST]),
        ("a", "after the step", step.answers_after[FIRST]),
    )
    said = step.record.found["mu"] if variational else step.record.found["encoder.a"][-1]
    return Explanation(
        step=step,
        samples=samples,
        stages=STAGES,
        sections=sections,
        brief=tuple(section.title for section in sections if section.title.startswith(told)),
        weights=follow(step, _proofs(step, entries.values()), samples),
        names=table_of_names([row for layers in halves.values() for row in names_of_layers(layers)]),
        about=(("Network", repr(step.network)),),
        followed=f"sample {samples[FIRST].name}, number {code} of its code, pixel {pixel}",
        counting="Samples, units, numbers of the code and pixels are counted from 0, the layers of each half from what it reads, "
        f"layer 1. {BOOK}",
        pictures=(
            *(
                Picture(np.clip(x, 0, 1).reshape(1, n, n), symbol, about, grey=True)
                for symbol, about, x in images
                if (n := side(x.size))
            ),
            Picture(said[FIRST].reshape(1, 1, -1), r"\mu" if variational else "c", "the code, one field a number"),
        ),
        details={
            "code": code,
            "pixel": pixel,
            "followed": {half: {layer.number: j for layer, j in zip(halves[half], units[half], strict=True)} for half in halves},
        },
    )


# ---------------------------------------------------------------- what is followed


def _halves(step: TrainingStep) -> Halves:
    """The layers of the encoder and of the decoder, with what they read, computed and got back."""
    net, halves = step.network.twin(np.float64), {}
    net.gradient[...] = step.gradient
    for half, stack in (("encoder", net.encoder), ("decoder", net.decoder)):
        z, a, delta = (step.record.found[f"{half}.{what}"] for what in ("z", "a", "delta"))
        halves[half] = layers_of(
            f"{half.capitalize()}, layer {{}}",
            half,
            activation=stack.activations,
            x=a[:-1],
            w=stack.weights,
            b=stack.biases,
            z=z,
            a=a[1:],
            delta=delta,
            w_gradient=stack.weight_gradients,
            b_gradient=stack.bias_gradients,
        )
    return halves


def _followed(step: TrainingStep, halves: Halves, at: Sequence[str]) -> tuple[int, int]:
    net = step.network
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
    strength = step.record.found["kl"][FIRST] if "kl" in step.record.found else np.abs(halves["encoder"][-1].a[FIRST])
    _, terms = cost_terms(net.cost, halves["decoder"][-1], step.x[FIRST], "x")
    return int(strength.argmax()), int(np.argmax([term.value for term in terms]))


def _units(layers: Sequence[Layer], last: int) -> list[int]:
    """The unit that is followed in each layer: backward from the last one, each time the strongest term of its sum."""
    units = [last]
    for layer in reversed(layers[1:]):
        units.insert(0, int(np.abs(layer.w[units[0]] * layer.x[FIRST]).argmax()))
    return units


def _place(layer: Layer, j: int) -> tuple[int, int]:
    """The weight into unit j from the strongest unit below."""
    return j, int(np.abs(layer.x[FIRST]).argmax())


def _proofs(step: TrainingStep, entries: Iterable[Entry]) -> list[Proof]:
    """Measure the slope of the step's cost along each weight, with the same eps."""
    net = step.network.twin()

    def cost() -> float:
        for name, array in step.network.buffers.items():
            net.buffers[name][...] = array
        return net.learn(step.x, step.y, *step.chance)

    gradients = step.record.parameters(step.gradient)
    return [
        prove(entry, float(gradients[entry.name][entry.place]), cost, net.tensors()[entry.name], entry.place) for entry in entries
    ]

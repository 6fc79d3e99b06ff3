"""The numbers of a step of an autoencoder or a VAE: from the image that came back, through the drawn code, down to the pixels.

The arrays are named as the parameters in a model file, so layers count from 0: `encoder.0.z`, `encoder.0.a`, `encoder.0.delta`,
`encoder.0.weight`, `decoder.2.bias.gradient`, ... Between the halves stand `mu`, `log_sigma`, `eps` and `z` of a VAE with the
errors `dz`, `d_mu` and `d_log_sigma`, of an autoencoder `code` (and `noisy`, with its noise) with `d_code`. `x` is the input;
`L_rec`, `kl`, `L_reg` and `C` are the cost. Where the network is conditional, `y` is the class, and `encoder.in` and
`decoder.in` are what has it beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.equation import read
from byhand.models.bound import divergence, draw_code
from byhand.models.encoder_decoder import EncoderDecoder
from byhand.models.stack import Stack
from byhand.models.vae import VAE, code_errors
from byhand.see.codes_step import CodesStep
from byhand.see.explain import Sample
from byhand.see.made import At, Factor, Sum, indexed, one
from byhand.see.made_cost import costs_of
from byhand.see.made_layers import INPUT, MINUS, Layer, Layers
from byhand.see.made_update import update_numbers
from byhand.see.section import sources, split
from byhand.see.step_numbers import Numbered, Operation, StepNumbers

CLASS = "It is the class, which a conditional network is told."
DRAWN = "It was drawn from N(0, 1). The backward pass holds it fixed, so that gradients go through the draw."
CODE = "Code"


def codes_numbers(step: CodesStep, samples: Sequence[Sample]) -> StepNumbers:
    """All arrays and operations of the step, in its order."""
    return _Builder(step).built(samples)


class _Builder(Layers):
    """Two stacks of layers, and the code between them."""

    def __init__(self, step: CodesStep) -> None:
        super().__init__()
        self.step, self.net, self.found = step, step.network, step.found
        self.halves = {"encoder": self._layers("encoder"), "decoder": self._layers("decoder")}
        self.read: dict[str, Numbered] = {}  # what the first layer of each half reads

    def built(self, samples: Sequence[Sample]) -> StepNumbers:
        step = self.step
        x = self.add("x", "x", "the images, a number a pixel", step.x, why=INPUT, batch=True, grey=True)
        if step.y is not None:
            self.add("y", "y", "the classes", step.y, why=CLASS, batch=True)
        self._forward("encoder", x)
        self._forward("decoder", self._drawn() if isinstance(self.net, VAE) else self._coded())
        self._cost(x)
        last, stack = self.halves["decoder"][-1], self.net.decoder
        error = self.found["decoder.delta"][-1]
        self.output_error(last, self.net.cost, stack.activations[-1], x, error, EncoderDecoder._reconstruction_error)
        self._backward("decoder")
        errors = self._through_the_draw() if isinstance(self.net, VAE) else [self._out_of_decoder()]
        self._joined(self.halves["encoder"][-1], errors)
        self._backward("encoder")
        layers = [*self.halves["encoder"], *self.halves["decoder"]]
        arrays, operations = update_numbers(step, self._views, self._views(step.theta_after), self.trained(layers))
        return StepNumbers(step, samples, [*self.arrays.values(), *arrays], [*self.operations, *operations])

    def _layers(self, half: str) -> list[Layer]:
        names = [f"{half}.{k}" for k in range(len(self._stack(half).weights))]
        return [
            Layer(name, f"{half[0]}{k}", *(f"{name}.{what}" for what in ("z", "a", "delta", "weight", "bias")))
            for k, name in enumerate(names)
        ]

    def _stack(self, half: str) -> Stack:
        return self.net.encoder if half == "encoder" else self.net.decoder

    def _views(self, vector: Array) -> dict[str, Array]:
        """A flat vector as the network lays its parameters out."""
        found: dict[str, Array] = {}
        start = 0
        for half in ("encoder", "decoder"):
            stack = self._stack(half)
            part = vector[start : start + Stack.count(stack.sizes)]
            found |= Stack(stack.sizes, [bent.name for bent in stack.activations], part, part).tensors(half)
            start += len(part)
        return found

    def _operation(
        self, stage: str, group: str, title: str, arrays: Sequence[str], function: Any, equations: Sequence[str], **more: Any
    ) -> None:
        """An operation around the layers; function: what ran."""
        source = partial(sources, function)
        self.operations.append(Operation(stage, group, title, arrays[0], tuple(equations), tuple(arrays), source, **more))

    # ---------------------------------------------------------------- forward

    def _forward(self, half: str, given: Numbered) -> None:
        stack, layers = self._stack(half), self.halves[half]
        a = self.read[half] = self._with_class(half, given) if "y" in self.arrays else given
        for k, layer in enumerate(layers):
            self.parameters(layer, stack.weights[k], stack.biases[k])
            self.weighted(layer, a, self.found[f"{half}.z"][k])
            last = k == len(layers) - 1
            if half == "encoder" and last:
                break  # its identity is passed over: what it gives is the code, or the two numbers of the code's Gaussian
            more: dict[str, Any] = {"about": "the images that came back", "grey": True} if last else {}
            self.activated(layer, stack.activations[k], self.found[f"{half}.a"][k + 1], **more)
            a = self.arrays[layer.a]

    def _with_class(self, half: str, given: Numbered) -> Numbered:
        """The class beside what a half reads."""
        y, n, symbol = self.arrays["y"], given.values.shape[1], f"a^{{{half[0]}}}"

        def make(at: At) -> list[Sum]:
            i, j = at
            return [one(given.factor(at) if j < n else y.factor((i, j - n)))]

        equation = rf"{symbol} = ({given.symbol}, y)"
        made = self.add(
            f"{half}.in", symbol, f"what the {half} reads", self.found[f"{half}.a"][0], make, equation=equation, batch=True
        )
        title = f"{half}: the class beside it"
        self._operation("forward", half, title, (made.name, given.name, "y"), EncoderDecoder._with_class, [equation])
        return made

    def _part(self, name: str, symbol: str, about: str, first: int = 0) -> Numbered:
        """Columns of what the encoder gives."""
        z, d = self.arrays[self.halves["encoder"][-1].z], self.net.latent
        place = f"{first} + j" if first else "j"
        return self.add(
            name,
            symbol,
            about,
            z.values[:, first : first + d],
            lambda at: [one(z.factor((at[0], first + at[1])))],
            equation=f"{symbol}_{{i,j}} = {z.symbol}_{{i,{place}}}",
            batch=True,
        )

    def _drawn(self) -> Numbered:
        """The code of a VAE: its Gaussian, and a draw from it."""
        given, found, d = self.halves["encoder"][-1].z, read(draw_code), self.net.latent
        mu = self._part("mu", r"\mu", "means of the codes")
        s = self._part("log_sigma", "s", "log standard deviations of the codes", d)
        title = "Code: its Gaussian, the two halves of what the encoder gives"
        self._operation("forward", CODE, title, ("mu", "log_sigma", given), VAE._encode, [mu.equation, s.equation])
        eps = self.add("eps", r"\varepsilon", "what the draw adds, in standard deviations", self.step.eps, why=DRAWN, batch=True)

        def make(at: At) -> list[Sum]:
            return [one(mu.factor(at)), one(eps.factor(at), _exp(s, at))]

        equations = split(found.equation)
        z = self.add("z", "z", "the codes that were drawn", self.found["z"], make, equation=equations[0].rstrip(","), batch=True)
        more = {"shapes": found.shapes, "reference": found.source}
        self._operation("forward", CODE, "Code: it is drawn", ("z", "mu", "log_sigma", "eps"), draw_code, equations, **more)
        return z

    def _coded(self) -> Numbered:
        """The code of an autoencoder, with its noise where it has some."""
        net, learn = self.net, type(self.net).learn
        code = self._part("code", "c", "the codes")
        self._operation(
            "forward", CODE, "Code: what the encoder gives", ("code", self.halves["encoder"][-1].z), learn, [code.equation]
        )
        noise = 0.0 if isinstance(net, VAE) else net.noise
        if not noise:
            return code
        eps = self.add("eps", r"\varepsilon", "the noise, in standard deviations", self.step.eps, why=DRAWN, batch=True)
        size, equation = Factor(r"\sigma", noise), r"\tilde c = c + \sigma \varepsilon"
        values = self.found["decoder.a"][0][:, : net.latent]
        noisy = self.add(
            "noisy",
            r"\tilde c",
            "the codes with their noise",
            values,
            lambda at: [one(code.factor(at)), one(size, eps.factor(at))],
            equation=equation,
            batch=True,
        )
        self._operation("forward", CODE, "Code: noise is added", ("noisy", "code", "eps"), learn, [equation])
        return noisy

    # ---------------------------------------------------------------- the cost

    def _cost(self, x: Numbered) -> None:
        step, net, last = self.step, self.net, self.halves["decoder"][-1]
        z, a, bent, m = self.arrays[last.z], self.arrays[last.a], net.decoder.activations[-1], step.m
        back, symbol = f"{a.symbol}_{{i,k}}", r"L^{\text{rec}}"
        if net.reconstruction == "bernoulli":
            equation = rf"{symbol}_i = -\sum_k \left(x_{{i,k}} \ln {back} + (1 - x_{{i,k}}) \ln (1 - {back})\right)"
        else:
            equation = rf"{symbol}_i = \tfrac{{1}}{{2}} \sum_k ({back} - x_{{i,k}})^2"
        rec = self.add(
            "L_rec",
            symbol,
            "how far each image that came back is from the one that went in",
            net.cost.per_sample(z.values, a.values, x.values, bent),
            lambda at: costs_of(net.cost, bent, z, a, x, sample=at[0]),
            equation=equation,
            batch=True,
        )
        title = "L_rec: the image that came back against the one that went in"
        self._operation("cost", "Cost", title, ("L_rec", a.name, "x"), net.cost.per_sample, [equation])
        share, parts = Factor(rf"\frac{{1}}{{{m}}}", 1 / m), ["L_rec"]
        beta, reg = Factor(r"\beta", step.beta), self._divergence() if isinstance(net, VAE) else None

        def whole(at: At) -> list[Sum]:
            found = [Sum(rec.values / m, lambda i: (share, rec.factor((i,))), True)]
            if reg is not None:
                found.append(Sum(step.beta * reg.values / m, lambda i: (share, beta, reg.factor((i,))), True))
            return found

        equation = r"C = \frac{1}{m} \sum_i L^{\text{rec}}_i"
        what, note = "L_rec", ""
        if reg is not None:
            parts.append("L_reg")
            what = "both parts"
            equation = r"C = \frac{1}{m} \sum_i \left(L^{\text{rec}}_i + \beta L^{\text{reg}}_i\right)"
            note = f"beta is {step.beta:.4g}"
            if isinstance(net, VAE) and net.warm_up:
                note += f" of {net.beta:g}: it grows over the first {net.warm_up:,} steps"
        self.add("C", "C", "the cost of the batch", np.array(step.cost), whole, equation=equation)
        title = f"C: the mean over the batch of {what}"
        self._operation("cost", "Cost", title, ("C", *parts), type(net).learn, [equation], note=note)

    def _divergence(self) -> Numbered:
        """L_reg: how far the code's Gaussian is from N(0, 1)."""
        mu, s, found = self.arrays["mu"], self.arrays["log_sigma"], read(divergence)
        half = Factor(r"\tfrac{1}{2}", 0.5)

        def make(at: At) -> list[Sum]:
            return [
                one(half, mu.factor(at), mu.factor(at)),
                one(half, _exp(s, at, 2)),
                one(half, MINUS),
                one(MINUS, s.factor(at)),
            ]

        about = "how far the Gaussian of each number of the code is from N(0, 1)"
        kl = self.add(
            "kl", r"\text{KL}", about, self.found["kl"], make, equation=rf"\text{{KL}}_j = {found.equation}", batch=True
        )
        equation = r"L^{\text{reg}}_i = \sum_j \text{KL}_{i,j}"
        reg = self.add(
            "L_reg",
            r"L^{\text{reg}}",
            "the same of the whole code: what it tells the decoder, in nats",
            kl.values.sum(axis=1),
            lambda at: [Sum(kl.values[at], lambda j: (kl.factor((at[0], j)),))],
            equation=equation,
            batch=True,
        )
        more = {"shapes": found.shapes, "reference": found.source}
        arrays, title = ("L_reg", "kl", "mu", "log_sigma"), "L_reg: the Gaussian of the code against N(0, 1)"
        self._operation("cost", "Cost", title, arrays, divergence, [equation, kl.equation], **more)
        return reg

    # ---------------------------------------------------------------- backward

    def _backward(self, half: str) -> None:
        """From the error of a half's last layer: the gradients of all, and the errors of those before."""
        stack, layers, gradient = self._stack(half), self.halves[half], self._views(self.step.gradient)
        for k in reversed(range(len(layers))):
            layer = layers[k]
            if k < len(layers) - 1:
                self.sent_back(layer, layers[k + 1], stack.activations[k], self.found[f"{half}.delta"][k])
            a = self.arrays[layers[k - 1].a] if k else self.read[half]
            self.gradients(layer, a, gradient[layer.w], gradient[layer.b])

    def _out_of_decoder(self) -> Numbered:
        """The error of what the decoder read, its class left out: BP2 without an activation."""
        variational = isinstance(self.net, VAE)
        name, letter = ("dz", "z") if variational else ("d_code", "c")
        first = self.halves["decoder"][0]
        w, delta = self.arrays[first.w], self.arrays[first.delta]

        def make(at: At) -> list[Sum]:
            i, j = at
            return [Sum(w.values[:, j] * delta.values[i], lambda k: (w.factor((k, j)), delta.factor((i, k))))]

        symbol = rf"\frac{{\partial L^{{\text{{rec}}}}}}{{\partial {letter}@}}"
        equation = rf"{indexed(symbol, ('i,j',))} = \sum_k {w.symbol}_{{k,j}}\, {delta.symbol}_{{i,k}}"
        values = self.found["dz"] if variational else self.found["encoder.delta"][-1]
        made = self.add(name, symbol, "the error of the code, out of the decoder", values, make, equation=equation, batch=True)
        title, note = (
            "Code: its error, out of the decoder",
            "BP2 without an activation: before the decoder’s first layer there is none",
        )
        self._operation("backward", CODE, title, (name, first.delta, first.w), Stack.input_error, [equation], note=note)
        return made

    def _through_the_draw(self) -> list[Numbered]:
        """The errors of mu and s: from the reconstruction through the drawn code, and from the divergence."""
        dz, (mu, s, eps) = self._out_of_decoder(), (self.arrays[name] for name in ("mu", "log_sigma", "eps"))
        found, beta = read(code_errors), Factor(r"\beta", self.step.beta)

        def of_mu(at: At) -> list[Sum]:
            return [one(dz.factor(at)), one(beta, mu.factor(at))]

        def of_s(at: At) -> list[Sum]:
            wide = Factor(rf"\left(e^{{2 {indexed('s', at)}}} - 1\right)", float(np.expm1(2 * s.values[at])), s.factor(at).ref)
            return [one(dz.factor(at), eps.factor(at), _exp(s, at)), one(beta, wide)]

        equations = split(found.equation)
        made = [
            self.add(
                name,
                rf"\frac{{\partial L}}{{\partial {of.symbol}@}}",
                f"errors of {of.about}",
                self.found[name],
                make,
                equation=equation,
                batch=True,
            )
            for name, of, make, equation in (("d_mu", mu, of_mu, equations[0]), ("d_log_sigma", s, of_s, equations[1]))
        ]
        title, note = (
            "Code: through the draw",
            "The first parts come from the reconstruction, the second pull the code to N(0, 1)",
        )
        arrays = ("d_mu", "d_log_sigma", "dz", "mu", "log_sigma", "eps")
        more = {"shapes": found.shapes, "reference": found.source, "note": note}
        self._operation("backward", CODE, title, arrays, code_errors, equations, **more)
        return made

    def _joined(self, at: Layer, parts: Sequence[Numbered]) -> None:
        """The error of the encoder's last layer: those of its numbers side by side."""
        d, symbol = self.net.latent, rf"\delta^{{{at.number}}}"

        def make(place: At) -> list[Sum]:
            return [one(parts[place[1] // d].factor((place[0], place[1] % d)))]

        side_by_side = r",\, ".join(indexed(part.symbol, ()) for part in parts)
        equation = rf"{symbol} = {side_by_side}" if len(parts) == 1 else rf"{symbol} = \left({side_by_side}\right)"
        about = f"errors of {at.named}: how a sample’s cost changes with each number that the encoder gives"
        self.add(at.delta, symbol, about, self.found["encoder.delta"][-1], make, equation=equation, batch=True)
        title = f"{at.named}: its error is that of the code"
        arrays = (at.delta, *(part.name for part in parts))
        self._operation("backward", at.group, title, arrays, type(self.net).learn, [equation])


def _exp(s: Numbered, at: At, times: int = 1) -> Factor:
    """e^s, the standard deviation; with times = 2 the variance."""
    power = indexed("s", at) if times == 1 else f"{times} {indexed('s', at)}"
    return Factor(f"e^{{{power}}}", float(np.exp(times * s.values[at])), s.factor(at).ref)

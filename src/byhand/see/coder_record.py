"""What an autoencoder or a VAE by hand lets you see of a step: from the image that came back, through the code, to the pixels.

The arrays are named as the parameters in a model file, so layers count from 0: `encoder.0.z`, `encoder.0.a`, `encoder.0.delta`,
`encoder.0.weight`, `decoder.2.bias.gradient`, ... Between the halves stand `mu`, `log_sigma`, `eps` and `z` of a VAE with the
errors `dz`, `d_mu` and `d_log_sigma`, of an autoencoder `code` (and `noisy`, with its noise) with `d_code`. `x` is the input;
`L_rec`, `kl`, `L_reg` and `C` are the cost. Where the network is conditional, `y` is the class, and `encoder.in` and
`decoder.in` are what has it beside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.costs import MINUS
from byhand.equation import Documented, read
from byhand.models.elbo import divergence, draw_code
from byhand.models.encoder_decoder import EncoderDecoder
from byhand.models.layer_stack import Stack
from byhand.models.vae import VAE, code_errors
from byhand.see.layer_numbers import INPUT, LayerNumbers
from byhand.see.section import split
from byhand.see.step import parameter_views
from byhand.see.step_array import StepArray, StepArrays
from byhand.terms import At, Factor, Sum, indexed, single

CLASS = "It is the class, which a conditional network is told."
DRAWN = "It was drawn from N(0, 1). The backward pass holds it fixed, so that gradients go through the draw."
OUT_OF_DECODER = "BP2 without an activation: before the decoder’s first layer there is none"
THROUGH_THE_DRAW = "The first parts come from the reconstruction, the second pull the code to N(0, 1)"
HELD = "With eps held fixed this is a function like any other, and gradients go through it: the reparameterisation."
COLLAPSE = "A sum over the pixels: their mean would weigh the other part 784 times as much, and the codes would collapse."


class CoderRecord:
    """The pass of an encoder and a decoder: see `byhand.see.step.Record`.

    found: what the network's `trace` gives. numbers: how what stands between the halves is described.
    """

    local_symbols = False

    def __init__(self, network: Any, found: dict[str, Any], numbers: type[CoderNumbers]) -> None:
        self.network, self.found, self.numbers, self.answers = network, found, numbers, found["decoder.a"][-1]

    def parameters(self, vector: Array) -> dict[str, Array]:
        return parameter_views(self.network, vector)

    def contributions(self, name: str, at: At, m: int) -> Array:
        half, layer, what = name.split(".")
        share = self.found[f"{half}.delta"][int(layer)][:, at[0]] / m
        return share * self.found[f"{half}.a"][int(layer)][:, at[1]] if what == "weight" else share

    def describe(self, arrays: StepArrays) -> None:
        self.numbers(self, arrays).describe()


class CoderNumbers:
    """Two stacks of layers; what stands between them is said below."""

    def __init__(self, record: CoderRecord, arrays: StepArrays) -> None:
        self.net, self.found, self.arrays, self.step = record.network, record.found, arrays, arrays.step
        self.stacks: dict[str, Stack] = self.net._stacks()
        self.halves = {half: [self._layer(half, k) for k in range(len(stack.weights))] for half, stack in self.stacks.items()}
        self.read: dict[str, StepArray] = {}  # what the first layer of each half reads
        self.gradients = record.parameters(self.step.gradient)

    def _layer(self, half: str, k: int) -> LayerNumbers:
        names = {"z": "z", "a": "a", "delta": "delta", "w": "weight", "b": "bias"}
        return LayerNumbers(self.arrays, f"{half}.{k}", f"{half[0]}{k}", {of: f"{half}.{k}.{name}" for of, name in names.items()})

    def _add(
        self, name: str, symbol: str, about: str, values: Array, terms: Any = None, equation: str = "", **more: Any
    ) -> StepArray:
        return self.arrays.add(name, symbol, about, values, terms, equation=equation, batch=True, **more)

    def _operation(
        self,
        stage: str,
        title: str,
        arrays: Sequence[StepArray],
        function: Callable[..., Any],
        equations: Sequence[str] = (),
        documented: Documented | None = None,
        group: str = "Code",
        **more: Any,
    ) -> None:
        """An operation around the layers; function: what ran. Its equation is that of the first array unless others are given."""
        equations = equations or [arrays[0].equation]
        self.arrays.add_operation(stage, group, title, arrays, [function], equations, documented, **more)

    # ---------------------------------------------------------------- what the two kinds say for themselves

    def code(self) -> StepArray:
        """What the decoder reads, its class left out, with all that leads to it."""
        raise NotImplementedError

    def code_errors(self) -> list[StepArray]:
        """The errors of the numbers that the encoder gives."""
        raise NotImplementedError

    def beta(self) -> Factor:
        """The weight of the regularisation in this step."""
        raise NotImplementedError

    def regularisation(self) -> StepArray | None:
        """The part of the cost beside the reconstruction, of each image."""
        return None

    # ---------------------------------------------------------------- the way through both halves

    def describe(self) -> None:
        step, last, stack = self.step, self.halves["decoder"][-1], self.stacks["decoder"]
        x = self._add("x", "x", "the images, a number a pixel", step.x, why=INPUT, grey=True)
        if step.y is not None:
            self._add("y", "y", "the classes", step.y, why=CLASS)
        self._forward("encoder", x)
        self._forward("decoder", self.code())
        self._cost(x)
        error, function = self.found["decoder.delta"][-1], EncoderDecoder._reconstruction_error
        last.output_error(self.net.cost, stack.activations[-1], x, error, function)
        self._backward("decoder")
        self._join(self.halves["encoder"][-1], self.code_errors())
        self._backward("encoder")

    def _forward(self, half: str, given: StepArray) -> None:
        stack, layers = self.stacks[half], self.halves[half]
        a = self.read[half] = self._with_class(half, given) if self.step.y is not None else given
        for k, layer in enumerate(layers):
            layer.parameters(stack.weights[k], stack.biases[k])
            layer.weighted_input(a, self.found[f"{half}.z"][k])
            last = k == len(layers) - 1
            if half == "encoder" and last:
                break  # its identity is passed over: what it gives is the code, or the two numbers of the code's Gaussian
            more: dict[str, Any] = {"about": "the images that came back", "grey": True} if last else {}
            layer.activation(stack.activations[k], self.found[f"{half}.a"][k + 1], **more)
            a = layer["a"]

    def _with_class(self, half: str, given: StepArray) -> StepArray:
        """The class beside what a half reads."""
        y, n, symbol = self.arrays.array("y"), given.values.shape[1], f"a^{{{half[0]}}}"

        def terms(at: At) -> list[Sum]:
            i, j = at
            return [single(given.factor(at) if j < n else y.factor((i, j - n)))]

        about, values = f"what the {half} reads", self.found[f"{half}.a"][0]
        both = self._add(f"{half}.in", symbol, about, values, terms, rf"{symbol} = ({given.symbol}, y)")
        self._operation("forward", f"{half}: the class beside it", (both, given, y), EncoderDecoder._with_class, group=half)
        return both

    def part(self, name: str, symbol: str, about: str, first: int = 0) -> StepArray:
        """Columns of what the encoder gives."""
        z, d = self.halves["encoder"][-1]["z"], self.net.latent
        equation = f"{symbol}_{{i,j}} = {z.symbol}_{{i,{f'{first} + j' if first else 'j'}}}"
        values = z.values[:, first : first + d]
        return self._add(name, symbol, about, values, lambda at: [single(z.factor((at[0], first + at[1])))], equation)

    def out_of_decoder(self, name: str, letter: str, values: Array) -> StepArray:
        """The error of what the decoder read, its class left out: BP2 without an activation."""
        first = self.halves["decoder"][0]
        w, delta = first["w"], first["delta"]

        def terms(at: At) -> list[Sum]:
            i, j = at
            return [Sum(w.values[:, j] * delta.values[i], lambda k: (w.factor((k, j)), delta.factor((i, k))))]

        symbol = rf"\frac{{\partial L^{{\text{{rec}}}}}}{{\partial {letter}@}}"
        equation = rf"{indexed(symbol, ('i,j',))} = \sum_k {w.symbol}_{{k,j}}\, {delta.symbol}_{{i,k}}"
        error = self._add(name, symbol, "the error of the code, out of the decoder", values, terms, equation)
        title = "Code: its error, out of the decoder"
        why = "What the decoder would rather have been told: BP2 once more, past its first layer."
        book = rf"{indexed(symbol, ())} = ({w.symbol})^\top {delta.symbol}"
        self._operation("backward", title, (error, delta, w), Stack.input_error, note=OUT_OF_DECODER, why=why, book=book)
        return error

    def _join(self, layer: LayerNumbers, parts: Sequence[StepArray]) -> None:
        """The error of the encoder's last layer: those of its numbers side by side."""
        d, symbol = self.net.latent, rf"\delta^{{{layer.number}}}"

        def terms(at: At) -> list[Sum]:
            return [single(parts[at[1] // d].factor((at[0], at[1] % d)))]

        both = r",\, ".join(indexed(part.symbol, ()) for part in parts)
        equation = rf"{symbol} = {both}" if len(parts) == 1 else rf"{symbol} = \left({both}\right)"
        about = f"errors of {layer.within}: how a sample’s cost changes with each number that the encoder gives"
        delta = self._add(layer.names["delta"], symbol, about, self.found["encoder.delta"][-1], terms, equation)
        title = f"{layer.within}: its error is that of the code"
        self._operation("backward", title, (delta, *parts), type(self.net).learn, group=layer.group)

    def _backward(self, half: str) -> None:
        """From the error of a half's last layer: the gradients of all, and the errors of those before."""
        stack, layers = self.stacks[half], self.halves[half]
        for k in reversed(range(len(layers))):
            layer = layers[k]
            if k < len(layers) - 1:
                layer.error_from(layers[k + 1], stack.activations[k], self.found[f"{half}.delta"][k])
            a = layers[k - 1]["a"] if k else self.read[half]
            layer.gradients(a, self.gradients[layer.names["w"]], self.gradients[layer.names["b"]])

    # ---------------------------------------------------------------- the cost

    def _cost(self, x: StepArray) -> None:
        step, net, last = self.step, self.net, self.halves["decoder"][-1]
        z, a, activation, m = last["z"], last["a"], self.stacks["decoder"].activations[-1], self.step.m
        back, symbol = f"{a.symbol}_{{i,k}}", r"L^{\text{rec}}"
        if net.reconstruction == "bernoulli":
            equation = rf"{symbol}_i = -\sum_k \left(x_{{i,k}} \ln {back} + (1 - x_{{i,k}}) \ln (1 - {back})\right)"
        else:
            equation = rf"{symbol}_i = \tfrac{{1}}{{2}} \sum_k ({back} - x_{{i,k}})^2"
        values = net.cost.per_sample(z.values, a.values, x.values, activation)
        about = "how far each image that came back is from the one that went in"
        rec = self._add("L_rec", symbol, about, values, lambda at: net.cost.sums(z, a, x, activation, at[0]), equation)
        title = "L_rec: the image that came back against the one that went in"
        why = "Each pixel that came back wrong costs something: the more so the surer the decoder was of it."
        self._operation("cost", title, (rec, a, x), net.cost.per_sample, group="Cost", why=why, note=COLLAPSE)
        share, reg = Factor(rf"\frac{{1}}{{{m}}}", 1 / m), self.regularisation()
        if reg is None:
            parts, what, note, summed = [rec], "L_rec", "", f"{symbol}_i"
            sums = [Sum(rec.values / m, lambda i: (share, rec.factor((i,))), True)]
        else:
            beta, parts, what = self.beta(), [rec, reg], "both parts"
            summed = r"\left(L^{\text{rec}}_i + \beta L^{\text{reg}}_i\right)"
            note = f"beta is {beta.value:.4g}"
            if net.warm_up:
                note += f" of {net.beta:g}: it grows over the first {net.warm_up:,} steps"
            sums = [
                Sum(rec.values / m, lambda i: (share, rec.factor((i,))), True),
                Sum(beta.value * reg.values / m, lambda i: (share, beta, reg.factor((i,))), True),
            ]
        equation = rf"C = \frac{{1}}{{m}} \sum_i {summed}"
        c = self.arrays.add("C", "C", "the cost of the batch", np.array(step.cost), lambda at: sums, equation=equation)
        title = f"C: the mean over the batch of {what}"
        why = "One number for all of it. What follows asks how each weight could make it smaller."
        self._operation("cost", title, (c, *parts), type(net).learn, group="Cost", note=note, why=why)


class AutoencoderNumbers(CoderNumbers):
    """An autoencoder: the code is what the encoder gives, with its noise where it has some."""

    def code(self) -> StepArray:
        net, learn = self.net, type(self.net).learn
        code, z = self.part("code", "c", "the codes"), self.halves["encoder"][-1]["z"]
        why = "Few numbers for many pixels: only what images have in common fits through."
        note = "What the encoder says is the code; nothing pulls it to any place."
        self._operation("forward", "Code: what the encoder gives", (code, z), learn, why=why, note=note)
        if not net.noise:
            return code
        eps = self._add("eps", r"\varepsilon", "the noise, in standard deviations", self.step.chance[0], why=DRAWN)
        size = Factor(r"\sigma", net.noise)

        def terms(at: At) -> list[Sum]:
            return [single(code.factor(at)), single(size, eps.factor(at))]

        values, equation = self.found["decoder.a"][0][:, : net.latent], r"\tilde c = c + \sigma \varepsilon"
        noisy = self._add("noisy", r"\tilde c", "the codes with their noise", values, terms, equation)
        why = (
            "A decoder that is told the code a little wrongly learns to draw nearly the same for codes that are nearly the same."
        )
        self._operation("forward", "Code: noise is added", (noisy, code, eps), learn, why=why)
        return noisy

    def code_errors(self) -> list[StepArray]:
        return [self.out_of_decoder("d_code", "c", self.found["encoder.delta"][-1])]


class VAENumbers(CoderNumbers):
    """A VAE: the code is drawn from its Gaussian, whose divergence from N(0, 1) is a part of the cost."""

    def beta(self) -> Factor:
        return Factor(r"\beta", self.step.network.warmed_beta())

    def code(self) -> StepArray:
        z, found, d = self.halves["encoder"][-1]["z"], read(draw_code), self.net.latent
        mu = self.part("mu", r"\mu", "means of the codes")
        s = self.part("log_sigma", "s", "log standard deviations of the codes", d)
        title = "Code: its Gaussian, the two halves of what the encoder gives"
        why = "The encoder gives no point but a cloud: where it is, and how wide."
        self._operation("forward", title, (mu, s, z), VAE._encode, [mu.equation, s.equation], why=why, worked=("mu", "log_sigma"))
        eps = self._add("eps", r"\varepsilon", "what the draw adds, in standard deviations", self.step.chance[0], why=DRAWN)

        def terms(at: At) -> list[Sum]:
            return [single(mu.factor(at)), single(eps.factor(at), _exp(s, at))]

        equations = split(found.equation)
        code = self._add("z", "z", "the codes that were drawn", self.found["z"], terms, equations[0].rstrip(","))
        why = "The decoder has to do with any point of the cloud: so codes that lie close come to mean images that are alike."
        self._operation("forward", "Code: it is drawn", (code, mu, s, eps), draw_code, equations, found, why=why, note=HELD)
        return code

    def regularisation(self) -> StepArray:
        """L_reg: how far the code's Gaussian is from N(0, 1)."""
        mu, s, found = self.arrays.array("mu"), self.arrays.array("log_sigma"), read(divergence)
        half = Factor(r"\tfrac{1}{2}", 0.5)

        def terms(at: At) -> list[Sum]:
            square, variance = single(half, mu.factor(at), mu.factor(at)), single(half, _exp(s, at, 2))
            return [square, variance, single(half, MINUS), single(MINUS, s.factor(at))]

        about = "how far the Gaussian of each number of the code is from N(0, 1)"
        kl = self._add("kl", r"\text{KL}", about, self.found["kl"], terms, rf"\text{{KL}}_j = {found.equation}")
        reg = self._add(
            "L_reg",
            r"L^{\text{reg}}",
            "the same of the whole code: what it tells the decoder, in nats",
            kl.values.sum(axis=1),
            lambda at: [Sum(kl.values[at], lambda j: (kl.factor((at[0], j)),))],
            r"L^{\text{reg}}_i = \sum_j \text{KL}_{i,j}",
        )
        title, equations = "L_reg: the Gaussian of the code against N(0, 1)", [reg.equation, kl.equation]
        more: dict[str, Any] = {"worked": ("kl", "L_reg"), "group": "Cost"}
        more["why"] = "It keeps the clouds near one another, so that a code drawn from N(0, 1) means an image too."
        self._operation("cost", title, (reg, kl, mu, s), divergence, equations, found, **more)
        return reg

    def code_errors(self) -> list[StepArray]:
        """The errors of mu and s: from the reconstruction through the drawn code, and from the divergence."""
        dz, found, beta = self.out_of_decoder("dz", "z", self.found["dz"]), read(code_errors), self.beta()
        mu, s, eps = (self.arrays.array(name) for name in ("mu", "log_sigma", "eps"))

        def of_mu(at: At) -> list[Sum]:
            return [single(dz.factor(at)), single(beta, mu.factor(at))]

        def of_s(at: At) -> list[Sum]:
            wide = Factor(rf"\left(e^{{2 {indexed('s', at)}}} - 1\right)", float(np.expm1(2 * s.values[at])), s.factor(at).ref)
            return [single(dz.factor(at), eps.factor(at), _exp(s, at)), single(beta, wide)]

        equations = split(found.equation)
        errors = [
            self._add(
                name, rf"\frac{{\partial L}}{{\partial {of.symbol}@}}", f"errors of {of.about}", self.found[name], terms, own
            )
            for name, of, terms, own in (("d_mu", mu, of_mu, equations[0]), ("d_log_sigma", s, of_s, equations[1]))
        ]
        reads = (*errors, dz, mu, s, eps)
        more: dict[str, Any] = {"worked": ("d_mu", "d_log_sigma"), "note": THROUGH_THE_DRAW}
        more["why"] = (
            "The draw only shifts and stretches eps, so its error goes on to both: to the mean as it is, to the width times eps."
        )
        self._operation("backward", "Code: through the draw", reads, code_errors, equations, found, **more)
        return errors


def _exp(s: StepArray, at: At, times: int = 1) -> Factor:
    """e^s, the standard deviation; with times = 2 the variance."""
    power = indexed("s", at) if times == 1 else f"{times} {indexed('s', at)}"
    return Factor(f"e^{{{power}}}", float(np.exp(times * s.values[at])), s.factor(at).ref)

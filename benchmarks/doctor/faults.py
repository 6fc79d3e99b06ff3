"""The seeded faults: each changes one thing of a healthy subject, as people do it by mistake.

A fault says which names for it are right (the same mistake can be seen from two sides), where it sits, and a word that a useful
fix has in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from subjects import coder, conv, digits, flowers, mlp, moons, points, pooled, relu, vae

from byhand.data.dataset import Splits
from byhand.engine import ops
from byhand.feedforward import FeedForward, backpropagated_error, bias_gradient, output_error, weight_gradient
from byhand.models.autoencoder import Autoencoder
from byhand.models.bound import divergence
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.diffusion import Diffusion
from byhand.models.samplers import Moment
from byhand.models.vae import VAE, code_errors
from byhand.nn import Conv2d, Flatten, Linear, MaxPool2d, Network, ReLU, Sequential, Softmax
from byhand.optim import SGD
from byhand.see.doctor import Patient
from byhand.training.steps import Steps


@dataclass(frozen=True)
class Fault:
    """A seeded fault beside the healthy subject that it is compared with."""

    name: str
    right: tuple[str, ...]
    where: tuple[str, ...]
    fix: tuple[str, ...]
    make: Callable[[int], Patient]
    healthy: Callable[[int], Patient]
    judged_by: str = "worth"  # or "overstates": what it reports is better than what it is worth


# ---------------------------------------------------------------- data


def _with(splits: Splits, **parts: Any) -> Splits:
    return replace(splits, **parts)


def relabelled(splits: Splits, share: float) -> Splits:
    """A share of the training labels, and of the validation's, drawn anew."""
    rng = np.random.default_rng(0)

    def wrong(data: Any) -> Any:
        labels = data.labels.copy()
        some = rng.random(len(labels)) < share
        labels[some] = rng.integers(0, data.n_classes, int(some.sum()))
        return replace(data, labels=labels)

    return _with(splits, train=wrong(splits.train), validation=wrong(splits.validation))


def rolled(splits: Splits) -> Splits:
    """Each training sample has the label of the next."""
    return _with(splits, train=replace(splits.train, labels=np.roll(splits.train.labels, 1)))


def multiplied(splits: Splits, factor: float, parts: tuple[str, ...] = ("train", "validation", "test")) -> Splits:
    return _with(
        splits,
        **{part: replace(getattr(splits, part), inputs=getattr(splits, part).inputs * np.float32(factor)) for part in parts},
    )


def transposed(splits: Splits) -> Splits:
    """Test and validation images with rows for columns."""

    def turn(data: Any) -> Any:
        return replace(data, inputs=np.ascontiguousarray(data.inputs.swapaxes(1, 2)))

    return _with(splits, validation=turn(splits.validation), test=turn(splits.test))


def leaked(splits: Splits) -> Splits:
    """The validation samples are training samples too."""
    train, held = splits.train, splits.validation
    assert held is not None
    inputs = np.concatenate([train.inputs[:300], held.inputs])
    return _with(splits, train=replace(train, inputs=inputs, labels=np.concatenate([train.labels[:300], held.labels])))


def without_class(splits: Splits, k: int) -> Splits:
    return _with(splits, train=splits.train.take(splits.train.labels != k))


def constant(splits: Splits) -> Splits:
    return _with(
        splits,
        **{
            part: replace(getattr(splits, part), inputs=np.full_like(getattr(splits, part).inputs, 0.5))
            for part in ("train", "validation", "test")
        },
    )


def shifted(splits: Splits, by: float, factor: float) -> Splits:
    return _with(
        splits,
        **{
            part: replace(getattr(splits, part), inputs=(by + factor * getattr(splits, part).inputs).astype(np.float32))
            for part in ("train", "validation", "test")
        },
    )


def widened(splits: Splits) -> Splits:
    """One measurement in thousandths of its unit."""

    def wide(data: Any) -> Any:
        inputs = data.inputs.copy()
        inputs[:, 1] *= 1_000
        return replace(data, inputs=inputs)

    assert splits.validation is not None
    return _with(splits, train=wide(splits.train), validation=wide(splits.validation), test=wide(splits.test))


# ---------------------------------------------------------------- loops


class Sorted(Steps):
    """Samples in the order of their classes, in every epoch."""

    def _begin_epoch(self, epoch: int) -> None:
        super()._begin_epoch(epoch)
        self.order = np.argsort(self.y.argmax(axis=1), kind="stable")


class Apart(Steps):
    """Inputs are shuffled, targets are shuffled otherwise."""

    def __next__(self) -> Any:
        whole = self.y
        self.y = whole[np.random.default_rng(self.index).permutation(len(whole))]
        try:
            return super().__next__()
        finally:
            self.y = whole


class Frozen(SGD):
    """An optimiser that was given the first layer's parameters only."""

    def step(self, parameters: Any, gradient: Any) -> None:
        kept = parameters[784 * 30 : 784 * 30 + 300].copy()
        super().step(parameters, gradient)
        parameters[784 * 30 : 784 * 30 + 300] = kept


class Uphill(SGD):
    """The sign of the step forgotten."""

    def _change(self, block: slice, theta: Any, g: Any, update: Any) -> None:
        super()._change(block, theta, g, update)
        update *= -1


# ---------------------------------------------------------------- feed-forward networks


class SumForMean(FeedForward):
    """The bug of the text that this project grew from: gradients summed over the batch."""

    def learn(self, x: Any, y: Any) -> float:
        cost = super().learn(x, y)
        self.gradient *= len(x)
        return cost


class SumCost(FeedForward):
    def learn(self, x: Any, y: Any) -> float:
        cost = super().learn(x, y)
        self.gradient *= len(x)
        return cost * len(x)


class Accumulating(FeedForward):
    """The gradient is never set to zero."""

    def learn(self, x: Any, y: Any) -> float:
        before = self.gradient.copy()
        cost = super().learn(x, y)
        self.gradient += before
        return cost


class WrongBackward(FeedForward):
    """BP2 written out, so that single lines of it can go wrong."""

    wrong = ""

    def _backward(self, x: Any, y: Any) -> None:
        buffers, last, m = self._buffers_for(len(x)), len(self.weights) - 1, len(x)
        for layer in range(last, -1, -1):
            z, a, activation = buffers.z[layer], buffers.a[layer], self.activations[layer]
            if layer == last:
                delta = output_error(z, a, y, self.cost, activation, buffers.delta[layer])
                if self.wrong == "output sign":
                    delta *= -1
            else:
                w = self.weights[layer + 1]
                w = w.T if self.wrong == "not transposed" and w.shape[0] == w.shape[1] else w
                delta = backpropagated_error(delta, w, z, a, None, activation, buffers.delta[layer])
                if self.wrong == "sigma' of a":
                    delta /= np.maximum(a * (1 - a), 1e-6)
                    delta *= -a
                if self.wrong == "no sigma'":
                    delta /= np.maximum(a * (1 - a), 1e-6)
                if self.wrong == "sign":
                    delta *= -1
            share = np.multiply(delta, 1 / m, out=buffers.share[layer])
            bias_gradient(share, buffers.ones, self.bias_gradients[layer])
            weight_gradient(share, x if layer == 0 else buffers.a[layer - 1], self.weight_gradients[layer])
            if self.wrong == "missing" and layer == 0:
                self.weight_gradients[layer][...] = 0
            if self.wrong == "overwritten":  # "=" for "+=": only the batch's last sample counts
                self.weight_gradients[layer][...] = delta[-1:].T @ (x if layer == 0 else buffers.a[layer - 1])[-1:] / m


def wrong(what: str) -> type[WrongBackward]:
    return type("WrongBackward", (WrongBackward,), {"wrong": what})


class Initialised(FeedForward):
    """The weights made otherwise than drawn."""

    how: Any = None

    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        for w, b in zip(self.weights, self.biases, strict=True):
            type(self).how(w, b)


def initialised(how: Callable[[Any, Any], None]) -> type[Initialised]:
    return type("Initialised", (Initialised,), {"how": staticmethod(how)})


def _zero(w: Any, b: Any) -> None:
    w[...], b[...] = 0, 0


def _same(w: Any, b: Any) -> None:
    w[...], b[...] = 0.05, 0


def _times(factor: float) -> Callable[[Any, Any], None]:
    def how(w: Any, b: Any) -> None:
        w *= factor

    return how


def _down(w: Any, b: Any) -> None:
    b -= 8.0


class Misreporting(FeedForward):
    """Accuracy against the wrong column."""

    def evaluate(self, x: Any, y: Any) -> tuple[float, float]:
        cost, right = super().evaluate(x, y)
        return cost, min(1.0, right + 0.3 * (1 - right) + 0.05)


# ---------------------------------------------------------------- networks of modules


class AlwaysTraining(Network):
    """Nobody calls eval(): dropout and batch statistics stay on."""

    def _weighted(self, x: Any) -> Any:
        from byhand.engine import Tensor, no_grad

        self.module.train()
        with no_grad():
            return self.module(Tensor(x))


class SummedNetwork(Network):
    def learn(self, x: Any, y: Any) -> float:
        cost = super().learn(x, y)
        self.gradient *= len(x)
        return cost


class Overwritten(Network):
    """The gradient of the first convolution is replaced by another's."""

    def learn(self, x: Any, y: Any) -> float:
        cost = super().learn(x, y)
        self.gradient[:72] *= -1
        return cost


def _plain() -> Sequential:
    layers: list[Any] = []
    for before, n in ((1, 8), (8, 16)):
        layers += [Conv2d(before, n, 3, padding="same"), ReLU(), MaxPool2d(2)]
    return Sequential(*layers, Flatten(), Linear(16 * 49, 10))


class ZeroNetwork(Network):
    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.parameters[...] = 0


# ---------------------------------------------------------------- autoencoders and VAEs


class DetachedEncoder(Autoencoder):
    """The error is not passed on to the encoder."""

    def learn(self, x: Any, y: Any = None, eps: Any = None) -> float:
        cost = super().learn(x, y, eps)
        self.gradient[: self.encoder.count(self.encoder.sizes)] = 0
        return cost


class CrossedEncoder(Autoencoder):
    """The error of the code with the wrong sign."""

    def learn(self, x: Any, y: Any = None, eps: Any = None) -> float:
        cost = super().learn(x, y, eps)
        self.gradient[: self.encoder.count(self.encoder.sizes)] *= -1
        return cost


class ZeroCoder(Autoencoder):
    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.parameters[...] = 0


class Bent(VAE):
    """`VAE.learn` with the weights of its two parts, and its draw, in the open."""

    rec_weight, kl_weight, draw = 1.0, 1.0, "right"

    def learn(self, x: Any, y: Any = None, eps: Any = None) -> float:
        x, m = self._rows(x), len(x)
        mu, s = self._encode(x, y)
        eps = self.rng.standard_normal(mu.shape, self.dtype) if eps is None else eps
        if self.draw == "same":
            eps = np.random.default_rng(0).standard_normal(mu.shape).astype(self.dtype)
        spread = {"variance": np.exp(2 * s), "none": 0 * s}.get(self.draw, np.exp(s))
        z = mu + eps * spread
        self.decoder.forward(z)
        kl = divergence(mu, s)
        dz = (
            self.rec_weight
            * self.decoder.backward(self.rec_weight * self._reconstruction_error(x)).input_error()
            / self.rec_weight
        )
        d_mu, _ = code_errors(dz, mu, s, eps, self.kl_weight)
        slope = {"variance": 2 * np.exp(2 * s), "none": 0 * s}.get(self.draw, np.exp(s))
        d_s = dz * eps * slope + self.kl_weight * (np.exp(2 * s) - 1)
        self.encoder.backward(np.concatenate([d_mu, d_s], axis=1))
        self.codes = {"mu": mu, "log_sigma": s, "eps": eps, "z": z, "kl": kl}
        return float((self.rec_weight * self._reconstruction_cost(x) + self.kl_weight * kl.sum(axis=1)).sum(dtype=np.float64)) / m


def bent(**settings: Any) -> type[Bent]:
    return type("Bent", (Bent,), settings)


class NoLogVariance(VAE):
    """The gradient of log sigma is forgotten."""

    def learn(self, x: Any, y: Any = None, eps: Any = None) -> float:
        cost = super().learn(x, y, eps)
        place = self.encoder.weight_gradients[-1]
        place[self.latent :] = 0
        self.encoder.bias_gradients[-1][self.latent :] = 0
        return cost


# ---------------------------------------------------------------- diffusion


class Unscaled(DiffusionNetwork):
    """The data go in as they are."""

    def scaled(self, data: Any) -> Any:
        return data

    def unscaled(self, x: Any) -> Any:
        return x


class Told(DiffusionNetwork):
    """The module is told another time or another label than those that the batch has."""

    change: Any = None

    def _loss(self, module: Any, data: Any, drawn: Any) -> Any:
        other = type(self).change(self, drawn)
        x0, eps = self.scaled(data), drawn.eps
        answer = module(ops_tensor(self.diffusion.noisy(x0, drawn.t, eps)), other.t, other.labels)
        return ops.mse_loss(answer, self.diffusion.wanted(x0, eps, drawn.t))


def ops_tensor(x: Any) -> Any:
    from byhand.engine import Tensor

    return Tensor(x)


def told(change: Callable[[Any, Any], Any]) -> type[Told]:
    return type("Told", (Told,), {"change": staticmethod(change)})


class SameNoise(DiffusionNetwork):
    """The generator is made anew in each step."""

    def draw(self, labels: Any, rng: Any, forget: float = 0.0) -> Any:
        made = super().draw(labels, rng, forget)
        eps = np.random.default_rng(0).standard_normal(made.eps.shape).astype(made.eps.dtype)
        return made._replace(eps=eps)


class Mixed(Diffusion):
    """x_t with the variances where their roots belong."""

    def noisy(self, x0: Any, t: Any, eps: Any) -> Any:
        signal, noise = self.shares(t, x0)
        return signal**2 * x0 + noise**2 * eps


class MixedNetwork(DiffusionNetwork):
    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.diffusion = Mixed(self.diffusion.schedule, self.diffusion.target)


class OtherTarget(Diffusion):
    """The network is taught the noise, the sampler reads v."""

    def wanted(self, x0: Any, eps: Any, t: Any) -> Any:
        return eps


class OtherTargetNetwork(DiffusionNetwork):
    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.diffusion = OtherTarget(self.diffusion.schedule, "v")


class ShortSchedule(DiffusionNetwork):
    """Betas that are too small for so few steps: much of the data is left at the end."""

    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        made = self.diffusion.schedule
        made.betas[...] = np.linspace(1e-4, 0.006, made.steps)  # `NoiseSchedule` refuses them: whoever writes his own does not
        made.alpha_bar[...] = np.concatenate([[1.0], np.cumprod(1 - made.betas)])
        made.signal[...], made.noise[...] = np.sqrt(made.alpha_bar), np.sqrt(1 - made.alpha_bar)


def _noisier(power: float) -> Any:
    """Ancestral sampling whose noise is scaled by a power of its deviation."""

    def sampler(diffusion: Any, answers: Any, noise: Any, moments: Any, clip: Any = None) -> Any:
        x = noise()
        steps = list(zip(moments, [*moments[1:], 0], strict=True))
        for t, s in steps:
            x0, _ = diffusion.parts(answers(x, t), x, t)
            yield Moment(t, x, x0)
            x, sigma = diffusion.posterior(x0, x, t, s)
            if s > 0:
                x = x + sigma**power * noise()
        yield Moment(0, x, x)

    return staticmethod(sampler)


class VarianceSampler(DiffusionNetwork):
    sampler = _noisier(2.0)


class RootSampler(DiffusionNetwork):
    sampler = _noisier(0.5)


def _shift_time(net: Any, drawn: Any) -> Any:
    return drawn._replace(t=np.clip(drawn.t - net.diffusion.steps // 4, 1, None))


def _turn_time(net: Any, drawn: Any) -> Any:
    return drawn._replace(t=net.diffusion.steps + 1 - drawn.t)


def _no_time(net: Any, drawn: Any) -> Any:
    return drawn._replace(t=np.full_like(drawn.t, 1))


def _no_label(net: Any, drawn: Any) -> Any:
    return drawn._replace(labels=np.full_like(drawn.labels, net.classes))


def _other_label(net: Any, drawn: Any) -> Any:
    return drawn._replace(labels=np.roll(drawn.labels, 1))


# ---------------------------------------------------------------- the list


def fault(name: str, right: str, where: str, fix: str, make: Any, healthy: Any, judged_by: str = "worth") -> Fault:
    split = lambda text: tuple(text.split("|"))  # noqa: E731
    return Fault(name, split(right), split(where), split(fix), make, healthy, judged_by)


def of(subject: Any, **given: Any) -> Callable[[int], Patient]:
    return lambda seed: subject(seed, **given)


def square(seed: int, **given: Any) -> Patient:
    return mlp(seed, hidden=(30, 30), epochs=15, **given)


def deep(seed: int, **given: Any) -> Patient:
    return mlp(seed, hidden=(30,) * 8, initialiser="glorot", **given)


DATA = "data|batches|validation|test"
RATE, ANY = "learning rate", "layer|all|training|cost|data|output"

FAULTS: list[Fault] = [
    # feed-forward: data
    fault("mlp: labels drawn at random", "labels-wrong", DATA, "label", lambda s: mlp(s, relabelled(digits(), 1.0)), mlp),
    fault("mlp: labels of the next sample", "labels-wrong", DATA, "label", lambda s: mlp(s, rolled(digits())), mlp),
    fault("mlp: 40 % of labels wrong", "label-noise", DATA, "label", lambda s: mlp(s, relabelled(digits(), 0.4)), mlp),
    fault(
        "relu: 30 % of labels wrong",
        "label-noise",
        DATA,
        "label",
        lambda s: relu(s, relabelled(digits(), 0.3), epochs=25),
        of(relu, epochs=25),
    ),
    fault("mlp: pixels 0 to 255", "inputs-not-normalised", DATA, "255|divide", lambda s: mlp(s, multiplied(digits(), 255)), mlp),
    fault(
        "relu: pixels 0 to 255",
        "inputs-not-normalised",
        DATA,
        "255|divide",
        lambda s: relu(s, multiplied(digits(), 255), optimizer="sgd", lr=0.05),
        of(relu, optimizer="sgd", lr=0.05),
    ),
    fault(
        "mlp: divided by 255 twice", "inputs-normalised-twice", DATA, "once", lambda s: mlp(s, multiplied(digits(), 1 / 255)), mlp
    ),
    fault(
        "iris: one measurement in thousandths",
        "inputs-not-normalised",
        DATA,
        "deviation|divide",
        lambda s: mlp(s, widened(flowers()), hidden=(8,), epochs=60),
        lambda s: mlp(s, flowers(), hidden=(8,), epochs=60),
    ),
    fault(
        "mlp: test pixels 0 to 255",
        "test-data-differ",
        DATA,
        "same",
        lambda s: relu(s, multiplied(digits(), 1 / 20, ("validation", "test"))),
        relu,
    ),
    fault(
        "mlp: test images transposed", "test-data-differ", DATA, "transposed|same", lambda s: mlp(s, transposed(digits())), mlp
    ),
    fault("mlp: inputs constant", "inputs-constant", DATA, "input", lambda s: mlp(s, constant(digits())), mlp),
    fault(
        "relu: validation leaked into training",
        "leakage",
        DATA,
        "split|duplicate",
        lambda s: relu(s, leaked(digits())),
        lambda s: relu(s, digits(800)),
        "overstates",
    ),
    fault("mlp: a class is missing", "class-missing", DATA, "class|split", lambda s: mlp(s, without_class(digits(), 7)), mlp),
    # feed-forward: the loop
    fault("mlp: sorted by class", "not-shuffled", "batch", "shuffle", of(mlp, loop=Sorted), mlp),
    fault("relu: sorted by class", "not-shuffled", "batch", "shuffle", of(relu, loop=Sorted), relu),
    fault("mlp: inputs and targets shuffled apart", "batch-mismatch", "batch", "indices|same", of(mlp, loop=Apart), mlp),
    fault(
        "mlp: the last layer not in the optimiser",
        "parameters-frozen",
        "layers.1",
        "optimiser|parameters",
        of(mlp, optimizer=Frozen),
        mlp,
    ),
    fault("mlp: uphill", "step-uphill|not-learning", ANY, "sign|-", of(mlp, optimizer=Uphill), mlp),
    # feed-forward: the gradient
    fault(
        "mlp: gradient summed",
        "gradient-sum",
        ANY,
        "batch",
        of(mlp, cls=SumForMean, batch_size=100, lr=3.0, epochs=40),
        of(mlp, batch_size=100, lr=3.0, epochs=40),
    ),
    fault(
        "relu: gradient summed, SGD",
        "gradient-sum",
        ANY,
        "batch",
        of(relu, cls=SumForMean, optimizer="sgd", lr=0.1),
        of(relu, optimizer="sgd", lr=0.1),
    ),
    fault(
        "mlp: cost and gradient summed",
        "cost-sum",
        ANY,
        "batch",
        of(mlp, cls=SumCost, batch_size=100, lr=3.0, epochs=40),
        of(mlp, batch_size=100, lr=3.0, epochs=40),
    ),
    fault("mlp: gradient accumulates", "gradient-accumulates", ANY, "0", of(mlp, cls=Accumulating), mlp),
    fault("mlp: sigma' of a for sigma' of z", "gradient-wrong", "layers.0", "sigma", of(mlp, cls=wrong("sigma' of a")), mlp),
    fault(
        "square: hidden errors with the wrong sign",
        "gradient-wrong",
        "layers.0|layers.1",
        "sign|sigma",
        of(square, cls=wrong("sign")),
        square,
    ),
    fault(
        "mlp: first gradient missing",
        "gradient-missing|gradient-wrong|parameters-frozen",
        "layers.0",
        "gradient",
        of(mlp, cls=wrong("missing")),
        mlp,
    ),
    fault(
        "mlp: = for +=",
        "gradient-wrong|gradient-scale",
        ANY,
        "gradient|+=",
        of(mlp, cls=wrong("overwritten"), batch_size=32, lr=3.0, epochs=4),
        of(mlp, batch_size=32, lr=3.0, epochs=4),
    ),
    fault(
        "mlp: output error with the wrong sign",
        "step-uphill|gradient-wrong",
        ANY,
        "sign|cost",
        of(mlp, cls=wrong("output sign")),
        mlp,
    ),
    # feed-forward: the beginning
    fault(
        "square: all weights zero", "zero-weights|symmetric-units", "layers", "draw", of(square, cls=initialised(_zero)), square
    ),
    fault("mlp: all weights equal", "symmetric-units", "layers", "random|draw", of(mlp, cls=initialised(_same)), mlp),
    fault(
        "mlp: weights 100 times too large",
        "init-too-large|saturation",
        "layers",
        "weights|initialiser",
        of(mlp, cls=initialised(_times(100))),
        mlp,
    ),
    fault(
        "relu: weights 30 times too large", "init-too-large", "layers", "initialiser", of(relu, cls=initialised(_times(30))), relu
    ),
    fault(
        "relu: weights 1,000 times too small",
        "init-too-small",
        "layers",
        "initialiser",
        of(relu, cls=initialised(_times(1e-3)), optimizer="sgd", lr=0.05),
        of(relu, optimizer="sgd", lr=0.05),
    ),
    fault(
        "relu: units dead from the start",
        "dead-units",
        "layers",
        "bias",
        of(relu, cls=initialised(_down), optimizer="sgd", lr=0.05),
        of(relu, optimizer="sgd", lr=0.05),
    ),
    fault("deep: eight sigmoid layers", "vanishing-gradient", "layers", "relu", of(deep), mlp),
    fault(
        "moons: no nonlinearity",
        "no-nonlinearity",
        "hidden|layers",
        "activation",
        lambda s: relu(s, moons(), hidden=(16, 16), activation="identity", lr=0.01),
        lambda s: relu(s, moons(), hidden=(16, 16), lr=0.01),
    ),
    # feed-forward: settings
    fault("mlp: rate 100", "rate-too-high|saturation", RATE + "|layers", "rate", of(mlp, lr=100.0), mlp),
    fault(
        "relu: rate 100 times too high", "rate-too-high|dead-units|non-finite", RATE + "|layers", "rate", of(relu, lr=0.2), relu
    ),
    fault(
        "relu: SGD rate 5",
        "rate-too-high|dead-units|non-finite",
        RATE + "|layers",
        "rate",
        of(relu, optimizer="sgd", lr=5.0),
        of(relu, optimizer="sgd", lr=0.05),
    ),
    fault("mlp: rate 1,000 times too low", "rate-too-low", RATE, "rate", of(mlp, lr=0.0005), mlp),
    fault("relu: rate 300 times too low", "rate-too-low", RATE, "rate", of(relu, lr=7e-6), relu),
    fault(
        "moons: rate too low",
        "rate-too-low",
        RATE,
        "rate",
        lambda s: relu(s, moons(), hidden=(16, 16), lr=1e-5),
        lambda s: relu(s, moons(), hidden=(16, 16), lr=0.01),
    ),
    fault("mlp: one epoch", "too-few-epochs", "epochs", "epochs", of(mlp, epochs=1, lr=0.1), of(mlp, lr=0.1)),
    fault(
        "relu: batches of 2,000",
        "batch-too-large|too-few-epochs",
        "batch|epochs",
        "batch|epochs",
        of(relu, batch_size=2_000),
        relu,
    ),
    fault("mlp: two hidden units", "too-few-units", "hidden", "units", of(mlp, hidden=(2,)), mlp),
    fault(
        "moons: one hidden unit",
        "too-few-units",
        "hidden",
        "units",
        lambda s: relu(s, moons(), hidden=(1,), lr=0.01, activation="tanh", epochs=40),
        lambda s: relu(s, moons(), hidden=(16,), lr=0.01, activation="tanh", epochs=40),
    ),
    fault("mlp: weight decay 0.3", "weight-decay-too-strong", "weight decay", "decay", of(mlp, l2=0.3), mlp),
    fault(
        "relu: weight decay 1, AdamW",
        "weight-decay-too-strong",
        "weight decay",
        "decay",
        of(relu, optimizer="adamw", weight_decay=20.0),
        relu,
    ),
    fault("relu: dropout 0.95", "dropout-too-strong", "dropout", "dropout", of(relu, dropout=0.95), relu),
    fault(
        "relu: clipped to 0.0001",
        "clip-too-tight",
        "clip",
        "clip",
        of(relu, optimizer="sgd", lr=0.05, clip=1e-3),
        of(relu, optimizer="sgd", lr=0.05),
    ),
    fault(
        "relu: learned by heart",
        "overfitting",
        "training|run",
        "stop|early",
        lambda s: relu(s, digits(150), hidden=(256, 128), epochs=400, lr=0.005),
        lambda s: relu(s, digits(150), hidden=(256, 128), epochs=12),
        "cost",
    ),
    fault(
        "mlp: accuracy reported too high", "accuracy-wrong", "evaluation", "count", of(mlp, cls=Misreporting), mlp, "overstates"
    ),
    # convolutions
    fault(
        "cnn: softmax twice",
        "softmax-twice",
        "output",
        "softmax",
        of(conv, module=lambda: pooled(Softmax())),
        of(conv, module=pooled),
    ),
    fault(
        "cnn: dropout on in evaluation",
        "random-evaluation|batch-leak",
        "evaluation",
        "eval",
        of(conv, cls=AlwaysTraining, module=lambda: pooled(dropout=0.5)),
        of(conv, module=lambda: pooled(dropout=0.5)),
    ),
    fault(
        "cnn: batch statistics in evaluation",
        "batch-leak",
        "evaluation",
        "running",
        of(conv, cls=AlwaysTraining, module=lambda: pooled(dropout=0.0)),
        of(conv, module=lambda: pooled(dropout=0.0)),
    ),
    fault("cnn: all weights zero", "zero-weights|not-learning", ".*", "draw|weights", of(conv, cls=ZeroNetwork), conv),
    fault("cnn: labels of the next sample", "labels-wrong", DATA, "label", lambda s: conv(s, rolled(digits(1_500))), conv),
    fault("cnn: sorted by class", "not-shuffled", "batch", "shuffle", of(conv, loop=Sorted), conv),
    fault(
        "cnn: gradient summed, SGD",
        "gradient-sum",
        ANY,
        "batch",
        of(conv, cls=SummedNetwork, module=_plain, optimizer="sgd", lr=0.1),
        of(conv, module=_plain, optimizer="sgd", lr=0.1),
    ),
    fault(
        "cnn: pixels 0 to 255",
        "inputs-not-normalised",
        DATA,
        "255",
        lambda s: conv(s, multiplied(digits(1_500), 255), module=_plain, optimizer="sgd", lr=0.1),
        of(conv, module=_plain, optimizer="sgd", lr=0.1),
    ),
    fault(
        "cnn: rate too high",
        "rate-too-high|dead-units|non-finite",
        RATE + "|.*",
        "rate",
        of(conv, module=_plain, lr=0.5),
        of(conv, module=_plain),
    ),
    fault("cnn: rate too low", "rate-too-low", RATE, "rate", of(conv, lr=4e-6), conv),
    fault(
        "cnn: test images transposed",
        "test-data-differ",
        DATA,
        "transposed|same",
        lambda s: conv(s, transposed(digits(1_500))),
        conv,
    ),
    # autoencoders
    fault(
        "ae: the encoder's gradient missing",
        "gradient-missing|gradient-wrong|parameters-frozen",
        "encoder",
        "gradient",
        of(coder, cls=DetachedEncoder),
        coder,
    ),
    fault(
        "ae: the code's error with the wrong sign",
        "gradient-wrong",
        "encoder",
        "sign|gradient",
        of(coder, cls=CrossedEncoder),
        coder,
    ),
    fault("ae: all weights zero", "zero-weights|symmetric-units", "coder", "draw", of(coder, cls=ZeroCoder), coder),
    fault(
        "ae: pixels 0 to 255",
        "inputs-not-normalised|targets-do-not-fit",
        DATA,
        "255",
        lambda s: coder(s, multiplied(digits(), 255)),
        coder,
    ),
    fault("ae: rate too low", "rate-too-low", RATE, "rate", of(coder, lr=3e-6), coder),
    fault(
        "ae: rate too high", "rate-too-high|dead-units|saturation|non-finite", RATE + "|coder", "rate", of(coder, lr=0.3), coder
    ),
    fault("ae: one epoch", "too-few-epochs", "epochs", "epochs", of(coder, epochs=1), coder),
    # VAEs
    fault("vae: divergence with the wrong sign", "kl-sign", "cost", "add", of(vae, cls=bent(kl_weight=-1.0)), vae),
    fault("vae: reconstruction a mean over the pixels", "kl-weight", "cost", "sum", of(vae, cls=bent(rec_weight=1 / 784)), vae),
    fault("vae: divergence left out", "kl-weight", "cost|beta", "beta|sum", of(vae, cls=bent(kl_weight=0.0)), vae),
    fault("vae: beta 50", "kl-weight", "beta|cost", "beta", of(vae, beta=50.0), vae),
    fault("vae: variance for standard deviation", "code-not-drawn", "code", "deviation", of(vae, cls=bent(draw="variance")), vae),
    fault("vae: the code is not drawn", "code-not-drawn", "code", "eps", of(vae, cls=bent(draw="none")), vae),
    fault("vae: rate too low", "rate-too-low", RATE, "rate", of(vae, lr=3e-6), vae),
    fault(
        "vae: pixels 0 to 255",
        "inputs-not-normalised|targets-do-not-fit",
        DATA,
        "255",
        lambda s: vae(s, multiplied(digits(), 255)),
        vae,
    ),
    # diffusion
    fault(
        "diffusion: data far from 0",
        "data-range",
        "data",
        "mean|2 x",
        lambda s: points(s, shifted(moons(2_000, 0.06), 6.0, 1.0), cls=Unscaled),
        points,
    ),
    fault("diffusion: schedule ends early", "schedule-end", "schedule", "alpha_bar", of(points, cls=ShortSchedule), points),
    fault("diffusion: the network is told a later time", "time-wrong", "time", "t", of(points, cls=told(_shift_time)), points),
    fault("diffusion: time turned round", "time-wrong", "time", "t", of(points, cls=told(_turn_time)), points),
    fault("diffusion: time not told", "time-ignored", "time", "t", of(points, cls=told(_no_time)), points),
    fault("diffusion: label not told", "condition-ignored", "label", "label", of(points, cls=told(_no_label)), points),
    fault(
        "diffusion: label of another sample", "condition-ignored", "label", "label", of(points, cls=told(_other_label)), points
    ),
    fault("diffusion: the same noise for ever", "noise-reused", "noise", "anew", of(points, cls=SameNoise), points),
    fault(
        "diffusion: variances for their roots",
        "time-wrong|target-wrong",
        "noise|time|target",
        "sqrt|same",
        of(points, cls=MixedNetwork),
        points,
    ),
    fault("diffusion: taught eps, read as v", "target-wrong", "target", "same", of(points, cls=OtherTargetNetwork), points),
    fault(
        "diffusion: variance for standard deviation",
        "sampler-variance",
        "sampler",
        "deviation",
        of(points, cls=VarianceSampler),
        points,
    ),
    fault("diffusion: root of the deviation", "sampler-variance", "sampler", "deviation", of(points, cls=RootSampler), points),
    fault("diffusion: rate too low", "rate-too-low", RATE, "rate", of(points, lr=3e-6), points),
    fault("diffusion: rate too high", "rate-too-high|non-finite", RATE, "rate", of(points, lr=1.0), points),
    fault("diffusion: two epochs", "too-few-epochs|rate-too-low", "epochs|" + RATE, "epochs|rate", of(points, epochs=2), points),
]

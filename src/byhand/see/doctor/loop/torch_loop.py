"""A PyTorch loop, listened to from outside: one `with` around it, and nothing in it changes.

What is heard: the network's calls, by hooks; the loss functions and activations, by a function mode while a step is looked at;
`backward`, by standing in front of it; `optimizer.step`, by hooks before and after. The gradient of what `backward` is called on
is worked out a second time, by itself, so that one that was added to an old one, scaled or lost on its way is told from it.

PyTorch is never imported here: whoever hands in one of its modules has done so.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.see.doctor.loop.event import COLLECTED, Event, Loop, Parameters
from byhand.see.doctor.loop.replies import accuracy

LOSSES = frozenset(
    [
        "cross_entropy",
        "nll_loss",
        "mse_loss",
        "l1_loss",
        "smooth_l1_loss",
        "huber_loss",
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "kl_div",
        "gaussian_nll_loss",
        "poisson_nll_loss",
        "hinge_embedding_loss",
        "soft_margin_loss",
        "multilabel_soft_margin_loss",
    ]
)
BENT = frozenset(
    [
        "relu",
        "relu_",
        "sigmoid",
        "sigmoid_",
        "tanh",
        "tanh_",
        "softmax",
        "log_softmax",
        "leaky_relu",
        "elu",
        "gelu",
        "silu",
        "hardtanh",
        "softplus",
    ]
)
WEIGHED = frozenset(["linear", "conv1d", "conv2d", "conv3d", "conv_transpose2d", "embedding"])


class Enough(BaseException):
    """So many steps were heard as were asked for. No `except Exception` of a script catches it."""


@dataclass
class Call:
    """The network was called: with what, by which chance, in which mode."""

    inputs: tuple[Any, ...]
    keywords: dict[str, Any]
    chance: Any
    buffers: dict[str, Any]
    training: bool


@dataclass
class Loss:
    """A loss function was called."""

    function: Callable[..., Any]
    prediction: Any
    target: Any
    others: tuple[Any, ...]
    keywords: dict[str, Any]
    value: Any

    @property
    def name(self) -> str:
        return str(self.function.__name__)


@dataclass
class TorchEvent(Event):
    """A step of a PyTorch loop.

    Attributes:
        expected: the gradient of what `backward` was called on since the last step, by name; None where it could not be had.
        call, loss: the last ones before the step; None where none was heard. bends: the activations' name and output.
        scale: what `backward` was called on over the loss function's value, 1 for the loss itself.
        divergence: mu and log sigma^2, (m, d) each, where the network returned them after its answer, as a VAE does.
    """

    expected: dict[str, Array | None] | None = None
    call: Call | None = None
    loss: Loss | None = None
    bends: list[tuple[str, Array]] = field(default_factory=list)
    last_bend: str = ""
    scale: float = 1.0
    divergence: tuple[Array, Array] | None = None


class TorchLoop(Loop):
    """Listens while it is entered. Without a network, it takes the first that learns."""

    def __init__(self, net: Any = None, most: int | None = None) -> None:
        super().__init__()
        self.most = most  # steps, after which Enough is raised
        self.torch: Any = sys.modules["torch"]
        self.net = net
        self.backwards = 0
        self.optimizers: list[int] = []  # of each step, which it was
        self.owned: set[int] = set()  # parameters that an optimiser holds
        self.settings: dict[str, Any] = {}
        self.modes: list[bool] = []  # of each call with gradients, whether it was in training mode
        self.judged_in_training = 0  # calls without gradients in training mode
        self.judged = 0
        self.unregistered: set[tuple[int, ...]] = set()
        self.spread: tuple[tuple[int, ...], ...] = ()  # shapes of an answer, its target, and their difference, where it is larger
        self._kept: list[Any] = []  # optimisers that were heard, so that no other gets their number
        self._hooks: list[Any] = []
        self._forget()
        self._mode: Any = None
        self._expected: dict[str, Any] | None = None
        self._stepped = True
        self._inside = self._busy = self._closure = self._within = False
        self._loss_now: Any = None
        self._pending: TorchEvent | None = None
        self._cost_tensors: list[Any] = []

    # ---------------------------------------------------------------- listening

    def __enter__(self) -> TorchLoop:
        optimizer = sys.modules["torch.optim.optimizer"]  # whose name in torch.optim is taken away again
        self._hooks = [
            optimizer.register_optimizer_step_pre_hook(self._before_step),
            optimizer.register_optimizer_step_post_hook(self._after_step),
        ]
        if self.net is not None:
            self._listen_to(self.net)
        else:
            everywhere = self.torch.nn.modules.module
            self._hooks.append(everywhere.register_module_forward_pre_hook(self._heard_module))
        self._stand_before_backward()
        self._switch_mode()
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self.torch.Tensor.backward = self._backward
        if self.net is not None:
            self._finish()
        if self._mode is not None:
            self._mode.__exit__(None, None, None)
            self._mode = None
        self.costs = [float(cost) for cost in self._cost_tensors]

    def _listen_to(self, net: Any) -> None:
        self.net = net
        self._hooks.append(net.register_forward_pre_hook(self._called, with_kwargs=True))
        self._hooks.append(net.register_forward_hook(self._answered))

    def _heard_module(self, module: Any, _: Any) -> None:
        """Without a network of one's own choice: the outermost module with parameters that is called with gradients."""
        if self.net is None and self.torch.is_grad_enabled() and any(True for _ in module.parameters()):
            self._listen_to(module)

    def _stand_before_backward(self) -> None:
        self._backward = self.torch.Tensor.backward

        @functools.wraps(self._backward)
        def backward(tensor: Any, *args: Any, **keywords: Any) -> Any:
            if not self._inside:
                self._inside = True
                try:
                    self._heard_backward(tensor, args[0] if args else keywords.get("gradient"))
                    return self._backward(tensor, *args, **keywords)
                finally:
                    self._inside = False
            return self._backward(tensor, *args, **keywords)

        self.torch.Tensor.backward = backward

    @property
    def _looking(self) -> bool:
        return self.looks_at(self.steps + 1)

    def _switch_mode(self) -> None:
        """Functions are listened to while samples are collected or a step is looked at, and not afterwards: that costs time."""
        wanted = self._looking or len(self.samples) < COLLECTED
        if wanted and self._mode is None:
            self._mode = _ears(self.torch, self._heard_function)
            self._mode.__enter__()
        elif not wanted and self._mode is not None:
            stack = self.torch.overrides._get_current_function_mode_stack()
            if stack and stack[-1] is self._mode:  # another mode was entered above it: it ends with the loop then
                self._mode.__exit__(None, None, None)
                self._mode = None

    def _forget(self) -> None:
        self._call: Call | None = None
        self._calls = 0
        self._loss: Loss | None = None
        self._differences: list[tuple[Any, Any]] = []
        self._bends: list[tuple[str, Any]] = []

    def _called(self, net: Any, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        self._finish()
        if not self.torch.is_grad_enabled():
            self.judged += 1
            self.judged_in_training += bool(net.training)
            return
        self.modes.append(bool(net.training))
        self._within = True
        self._calls += 1
        if not self._looking:
            return
        self._bends = []
        buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}
        kept = tuple(self._detached(one) for one in inputs)
        self._call = Call(
            kept, {k: self._detached(v) for k, v in keywords.items()}, self.torch.get_rng_state(), buffers, bool(net.training)
        )

    def _answered(self, _: Any, inputs: tuple[Any, ...], output: Any) -> None:
        self._within = False
        if not self.torch.is_grad_enabled():
            return
        self._output = output
        if len(self.samples) < COLLECTED and inputs and self.torch.is_tensor(inputs[0]):
            self._inputs = inputs[0].detach()

    _output: Any = None
    _inputs: Any = None

    def _detached(self, thing: Any) -> Any:
        return thing.detach().clone() if self.torch.is_tensor(thing) else thing

    def _heard_function(self, function: Any, args: tuple[Any, ...], keywords: dict[str, Any], value: Any) -> None:
        if self._busy:  # what is heard is our own
            return
        name = getattr(function, "__name__", "")
        if name in LOSSES and self.torch.is_grad_enabled():
            prediction = args[0] if args else keywords.get("input")
            target = args[1] if len(args) > 1 else keywords.get("target")
            rest = {k: v for k, v in keywords.items() if k not in ("input", "target")}
            self._loss = Loss(function, prediction, target, args[2:], rest, value)
        elif name in BENT and self._looking:
            self._bends.append((name.rstrip("_"), value))
        elif name in WEIGHED and self._within:
            weight = args[1] if len(args) > 1 else keywords.get("weight")
            if weight is not None and weight.requires_grad and weight.is_leaf and id(weight) not in self._own_ids():
                self.unregistered.add(tuple(weight.shape))
        elif name in ("sub", "__sub__", "rsub", "__rsub__", "subtract") and len(args) == 2:
            self._differences.append((args[0], args[1]))
            self._heard_difference(args[0], args[1], value)

    def _heard_difference(self, one: Any, other: Any, value: Any) -> None:
        """Answers (m, 1) less targets (m,) are (m, m): each answer is held against every target."""
        pair = (one, other)
        if self.spread or not all(self.torch.is_tensor(part) for part in pair) or not any(p is self._output for p in pair):
            return
        answer, target = pair if one is self._output else (other, one)
        apart = {answer.ndim, target.ndim} == {1, 2} and len(answer) == len(target) > 1
        if apart and answer.numel() == target.numel() < value.numel() and not target.requires_grad:
            self.spread = (tuple(answer.shape), tuple(target.shape), tuple(value.shape))

    def _own_ids(self) -> set[int]:
        return {id(parameter) for parameter in self.net.parameters()}

    def _heard_backward(self, tensor: Any, gradient: Any) -> None:
        self._finish()
        self.backwards += 1
        self._loss_now = tensor.detach()
        if self._stepped:
            self._expected, self._stepped = None, False
        if not self._looking or self.net is None:
            return
        named = {name: p for name, p in self.net.named_parameters() if p.requires_grad}
        if not any(p.grad is not None and p.grad.any() for p in named.values()):
            self._expected = None  # a game's other player went back through this network too, and that was set to 0
        try:
            found = self.torch.autograd.grad(
                tensor, list(named.values()), grad_outputs=gradient, retain_graph=True, allow_unused=True
            )
        except RuntimeError:  # it does not hang together with the parameters; backward itself will say so
            found = [None] * len(named)
        new = dict(zip(named, found, strict=True))
        old = self._expected
        self._expected = new if old is None else {name: _sum(old[name], one) for name, one in new.items()}

    def _before_step(self, optimizer: Any, args: Any, keywords: Any) -> None:
        self._busy = True
        try:
            self._hear_step(optimizer, args, keywords)
        finally:
            self._busy = False

    def _hear_step(self, optimizer: Any, args: Any, keywords: Any) -> None:
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        self.owned |= held
        if self.net is None or not held & self._own_ids():
            self.games += self.net is not None
            return
        if id(optimizer) not in self.optimizers:
            self._kept.append(optimizer)
        self.optimizers.append(id(optimizer))
        self.settings = {k: v for k, v in optimizer.param_groups[0].items() if k != "params"} | {"name": type(optimizer).__name__}
        self._closure = any(one is not optimizer and callable(one) for one in args) or keywords.get("closure") is not None
        if self._closure or self._stepped:  # it works out cost and gradient within the step; or another one stepped for both
            return
        self._count(optimizer)
        if self.looks_at(self.steps) and self._pending is None:
            self._pending = self._event()

    def _count(self, optimizer: Any) -> None:
        self.steps += 1
        self._cost_tensors.append(self._loss_now.sum() if self._loss_now is not None else float("nan"))
        self.rates.append(float(optimizer.param_groups[0]["lr"]))
        self._collect()

    def _event(self) -> TorchEvent:
        learned = {name: p for name, p in self.net.named_parameters() if p.requires_grad}
        return TorchEvent(
            self.steps,
            None if self._call is None else self._call.inputs[0] if len(self._call.inputs) == 1 else self._call.inputs,
            self._targets(),
            float(self._loss_now.sum()),
            self.parameters(),
            {},
            {name: None if p.grad is None else _array(p.grad) for name, p in learned.items()},
            _first_array(self._output),
            None if self._expected is None else {n: None if g is None else _array(g) for n, g in self._expected.items()},
            self._call if self._calls == 1 else None,
            self._frozen_loss(),
            [(name, _array(value)) for name, value in self._bends],
            self._last_bend(),
            self._scale(),
            self._code(),
        )

    def _after_step(self, optimizer: Any, args: Any, keywords: Any) -> None:
        del args, keywords
        if self._closure and not self._stepped:
            self._count(optimizer)
        self._closure = False
        self._stepped = True
        self._forget()
        self._switch_mode()
        if self.most is not None and self.steps >= self.most:
            raise Enough

    def _finish(self) -> None:
        """The event of the last step is whole once nothing can step any more: its network may have several optimisers."""
        if self._pending is None:
            return
        event, self._pending = self._pending, None
        event.after = self.parameters()
        named = {name: id(p) for name, p in self.net.named_parameters()}
        event.gradient = {name: g for name, g in event.gradient.items() if named[name] in self.owned}
        self.events.append(event)

    def _collect(self) -> None:
        target = self._targets()
        if self._inputs is not None and target is not None and len(self.samples) < COLLECTED:
            inputs = _array(self._inputs)
            if inputs.ndim and target.ndim and len(inputs) == len(target):
                self.samples.append((inputs, target))
            self._inputs = None

    def _targets(self) -> Array | None:
        """What the network was to answer: the loss function's target, or what its output was subtracted from."""
        if self._loss is not None and self.torch.is_tensor(self._loss.target):
            return _array(self._loss.target)
        tensors = [pair for pair in self._differences if all(self.torch.is_tensor(one) for one in pair)]
        for answer, target in [*tensors, *((other, one) for one, other in tensors)]:
            if answer.requires_grad and not target.requires_grad and target.ndim and len(target) == len(answer):
                return _array(target)
        return None

    def _last_bend(self) -> str:
        """The activation whose value is what the network answers, "" for none."""
        output = self._output
        if self._loss is not None and self._elsewhere(output, self._loss.prediction):
            self.part |= output.numel() != self._loss.prediction.numel() and len(output) == len(self._loss.prediction)
            return ""
        return next((name for name, value in reversed(self._bends) if value is output), "")

    def _elsewhere(self, output: Any, prediction: Any) -> bool:
        """Whether the loss is given other numbers than the network answered: another network stands between, a head on a body."""
        if not (self.torch.is_tensor(output) and self.torch.is_tensor(prediction)):
            return False
        if output.numel() != prediction.numel():
            return True
        one, other = float(output.detach().double().sum()), float(prediction.detach().double().sum())
        return abs(one - other) > 1e-3 * max(abs(one), abs(other), 1e-6)

    def _scale(self) -> float:
        if self._loss is None or self._loss_now is None or self._loss_now.numel() != 1 or self._loss.value.numel() != 1:
            return 1.0
        value = float(self._loss.value.detach())
        return float(self._loss_now) / value if value else 1.0

    def _code(self) -> tuple[Array, Array] | None:
        """mu and log sigma^2 of a VAE: the two matrices of one shape that come after the reconstruction."""
        parts = self._output
        parts = list(parts.values()) if isinstance(parts, dict) else parts
        if not isinstance(parts, tuple | list) or len(parts) < 3 or not all(self.torch.is_tensor(part) for part in parts):
            return None
        mu, log_variance = parts[-2:]
        if mu.ndim != 2 or mu.shape != log_variance.shape or not (mu.requires_grad and log_variance.requires_grad):
            return None
        return _array(mu).astype(np.float64), _array(log_variance).astype(np.float64)

    def _frozen_loss(self) -> Loss | None:
        if self._loss is None:
            return None
        loss = self._loss
        others = tuple(self._detached(one) for one in loss.others)
        keywords = {name: self._detached(one) for name, one in loss.keywords.items()}
        direct = loss.prediction is self._output
        return Loss(
            loss.function,
            _Direct(loss.prediction.detach().clone(), direct),
            self._detached(loss.target),
            others,
            keywords,
            loss.value.detach().clone(),
        )

    # ---------------------------------------------------------------- what is asked of it

    def parameters(self) -> dict[str, Array]:
        return {name: _array(parameter) for name, parameter in self.net.named_parameters()}

    def answers(self, x: Any, parameters: Parameters | None = None) -> Array:
        torch = self.torch
        was = {module: module.training for module in self.net.modules()}
        self.net.eval()
        try:
            with torch.no_grad():
                output = torch.func.functional_call(self.net, self._tensors(parameters), tuple(self._like(x)))
        finally:
            for module, training in was.items():
                module.training = training
        return np.asarray(_first_array(output), np.float64)

    def _tensors(self, parameters: Parameters | None, dtype: Any = None) -> dict[str, Any]:
        """Parameters and copies of the buffers, so that a call leaves the network as it is."""
        found = {}
        for name, p in self.net.named_parameters():
            value = p.detach() if parameters is None else self.torch.as_tensor(np.array(parameters[name]), device=p.device)
            found[name] = value.to(dtype or p.dtype)
        for name, buffer in self.net.named_buffers():
            found[name] = buffer.detach().clone().to(dtype) if dtype and buffer.is_floating_point() else buffer.detach().clone()
        return found

    def _like(self, x: Any) -> list[Any]:
        device = next((p.device for p in self.net.parameters()), "cpu")
        given = x if isinstance(x, tuple) else (x,)
        return [one if self.torch.is_tensor(one) else self.torch.as_tensor(np.asarray(one), device=device) for one in given]

    def replay(self, event: TorchEvent, parameters: Parameters, dtype: Any = None) -> tuple[Any, dict[str, Any]] | None:
        """The loss of a step's batch anew, with its chance, and the tensors it was worked out from; None where it cannot be."""
        torch, call, loss = self.torch, event.call, event.loss
        if call is None or loss is None or not loss.prediction.direct:
            return None
        tensors = self._tensors(parameters, dtype)
        for name, buffer in call.buffers.items():
            tensors[name] = buffer.clone().to(dtype) if dtype and buffer.is_floating_point() else buffer.clone()
        for name, _ in self.net.named_parameters():
            tensors[name].requires_grad_(True)

        def cast(one: Any) -> Any:
            return one.to(dtype) if dtype and torch.is_tensor(one) and one.is_floating_point() else one

        was, chance = {module: module.training for module in self.net.modules()}, torch.get_rng_state()
        self.net.train(call.training)
        torch.set_rng_state(call.chance)
        try:
            keywords = {name: cast(one) for name, one in call.keywords.items()}
            z = torch.func.functional_call(self.net, tensors, tuple(cast(one) for one in call.inputs), keywords)
            others = tuple(cast(one) for one in loss.others)
            value = loss.function(z, cast(loss.target), *others, **{name: cast(one) for name, one in loss.keywords.items()})
        finally:
            torch.set_rng_state(chance)
            for module, training in was.items():
                module.training = training
        return value, tensors

    def cost(self, event: Event, parameters: Parameters) -> float | None:
        assert isinstance(event, TorchEvent)
        try:
            with self.torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the loop has been warned already, if there was anything to warn of
                found = self.replay(event, parameters)
        except (RuntimeError, TypeError, ValueError):
            return None
        return None if found is None else float(found[0])

    def accuracy(self, reported: Any, x: Any, y: Any) -> None:
        inputs = x if isinstance(x, tuple) else (x,)
        targets = _array(y) if self.torch.is_tensor(y) else np.asarray(y)
        counted = accuracy(self, inputs, targets)
        if counted is not None:
            self.reported.append((float(reported), counted[0]))


@dataclass
class _Direct:
    """What a loss function was given, and whether it is the network's answer as it came out."""

    value: Any
    direct: bool


def _ears(torch: Any, heard: Callable[[Any, tuple[Any, ...], dict[str, Any], Any], None]) -> Any:
    def listen(mode: Any, function: Any, types: Any, args: tuple[Any, ...] = (), keywords: Any = None) -> Any:
        del mode, types
        keywords = keywords or {}
        value = function(*args, **keywords)
        heard(function, args, keywords, value)
        return value

    return type("Ears", (torch.overrides.TorchFunctionMode,), {"__torch_function__": listen})()


def _array(tensor: Any) -> Array:
    value = tensor.detach().cpu()
    found = value.numpy() if value.dtype.is_floating_point is False or value.dtype.itemsize >= 4 else value.float().numpy()
    return np.array(found)


def first_tensor(output: Any) -> Any:
    """The network's answer: the first tensor of what it returns, in whatever nest; None where there is none."""
    if isinstance(output, dict):
        output = next(iter(output.values()), None)
    while isinstance(output, tuple | list) and output:
        output = output[0]
    return output if hasattr(output, "detach") else None


def _first_array(output: Any) -> Array | None:
    """The network's answer as an array."""
    tensor = first_tensor(output)
    if tensor is None:
        return None
    found = _array(tensor)
    return found[:, None] if found.ndim == 1 else found


def _sum(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else one + other

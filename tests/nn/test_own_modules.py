"""Modules of one's own: found wherever they stand, and never taken for another class that has their name."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import nn
from byhand.engine import Tensor, ops
from byhand.errors import ModelError
from byhand.modelfile import Model, load_model, save_model
from byhand.nn.module import kind_of, kinds
from byhand.shipped import shipped
from byhand.tensorfile import read_tensors

X = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
LAYERS = "import byhand\nfrom byhand import nn\n"


class ReLU(nn.Module):
    """What a student writes as an exercise: leaky, and called like byhand's."""

    def forward(self, x: Any) -> Any:
        return ops.relu(x) - ops.relu(-x) * 0.5


class UNet(nn.Module):
    def __init__(self) -> None:
        self.a = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        return self.a(x)


class Scaled(nn.Module):
    def __init__(self, inner: nn.Module, factor: float = 2.0, *, sizes: tuple[int, ...] = (), names: Any = None) -> None:
        assert isinstance(sizes, tuple)
        self.inner, self.times = inner, factor
        self.extra = [nn.Linear(3, n) for n in sizes]
        self.names = names

    def forward(self, x: Any) -> Any:
        return self.inner(x) * self.times


class Listed(nn.Module):
    """Layers wherever Python can hold them."""

    def __init__(self) -> None:
        self.layers = [nn.Linear(4, 8), (nn.ReLU(), nn.Linear(8, 8))]
        self.parts = {"last": nn.Linear(8, 3), "unused": {"deeper": [nn.Linear(2, 2)]}}
        self.scales = [nn.Parameter(np.ones(3, np.float32))]

    def forward(self, x: Any) -> Any:
        x = self.layers[0](x)
        for layer in self.layers[1]:
            x = layer(x)
        return self.parts["last"](x) * self.scales[0]


class Shared(nn.Module):
    def __init__(self) -> None:
        self.first = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm2d(4))
        self.again = self.first
        self.last = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        return self.last(self.again(self.first(x)))


def back(network: Any, folder: Path) -> Any:
    save_model(folder / "model.safetensors", Model(network))
    return load_model(folder / "model.safetensors").network


def network(module: nn.Module) -> nn.Network:
    return nn.Network(module, (4,), seed=1)


# ---------------------------------------------------------------- classes go by module and name


def test_an_own_class_called_like_one_of_byhands_comes_back_as_itself(tmp_path: Path) -> None:
    made = network(nn.Sequential(nn.Linear(4, 8), ReLU(), nn.Linear(8, 3)))
    again = back(made, tmp_path)
    assert type(again.module[1]) is ReLU
    assert np.array_equal(again.forward(X), made.forward(X))


@pytest.mark.slow
def test_an_own_unet_leaves_the_shipped_one_readable_and_its_own_too(tmp_path: Path) -> None:
    made = network(UNet())
    assert np.array_equal(back(made, tmp_path).forward(X), made.forward(X))
    code = LAYERS + "class UNet(nn.Module): pass\nprint(byhand.load(byhand.shipped.find_model('mnist-diffusion')).network)"
    done = subprocess.run([sys.executable, "-c", "import byhand.shipped\n" + code], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("DiffusionNetwork(28x28x1"), done.stderr


def test_bare_names_are_byhands_alone_and_each_is_one_class() -> None:
    assert {name for name, cls in kinds.items() if "." not in name} == {
        cls.__name__ for cls in kinds.values() if cls.__module__.startswith("byhand.")
    }
    assert kind_of(ReLU).endswith("test_own_modules.ReLU")
    assert kinds["ReLU"] is nn.ReLU


def agrees(now: Any, written: Any) -> bool:
    """Whether a description says what was written: a layer may have settings since that stand at their defaults."""
    if isinstance(written, list):
        return len(now) == len(written) and all(map(agrees, now, written))
    if not isinstance(written, dict):
        return bool(now == written)
    new = now.keys() - written.keys()
    defaults = inspect.signature(kinds[written["kind"]]).parameters if new else {}
    return all(now[name] == defaults[name].default for name in new) and all(
        name in now and agrees(now[name], value) for name, value in written.items()
    )


@pytest.mark.slow
def test_every_shipped_file_describes_its_network_as_byhand_does_now() -> None:
    for path in shipped().values():
        written = json.loads(read_tensors(path)[1]["architecture"])
        assert agrees(json.loads(json.dumps(load_model(path).network.architecture())), written), path.name


@pytest.mark.slow
def test_a_script_and_who_imports_it_name_its_classes_alike_and_a_stranger_is_told_what_to_import(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        LAYERS
        + "class ReLU(nn.Module):\n    def forward(self, x): return x * 3\n"
        + "if __name__ == '__main__':\n    from byhand.modelfile import Model, save_model\n    from pathlib import Path\n"
        + "    save_model(Path('own.safetensors'), Model(nn.Network(nn.Sequential(nn.Linear(4, 3), ReLU()), (4,))))\n"
    )
    look = "net = byhand.load('own.safetensors').network\nprint(type(net.module[1]).__module__)\n"
    (tmp_path / "imports.py").write_text(LAYERS + "import mine\n" + look)
    (tmp_path / "other.py").write_text(LAYERS + "class ReLU(nn.Module):\n    def forward(self, x): return x\n" + look)

    def run(name: str) -> Any:
        return subprocess.run([sys.executable, name], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run("mine.py").returncode == 0
    assert run("imports.py").stdout == "mine\n"
    assert "needs the class 'mine.ReLU', which is not defined here" in run("other.py").stderr


# ---------------------------------------------------------------- what cannot be read back is refused when it is saved


def test_arguments_come_back_though_the_class_names_none_of_them(tmp_path: Path) -> None:
    made = network(Scaled(nn.Sequential(nn.Linear(4, 3), ReLU()), 5.0, sizes=(2, 6), names={"a": [1, None]}))
    again = back(made, tmp_path)
    assert (again.module.times, again.module.names, len(again.module.extra)) == (5.0, {"a": [1, None]}, 2)
    assert np.array_equal(again.forward(X), made.forward(X))


def test_a_class_in_a_function_is_refused_when_it_is_saved(tmp_path: Path) -> None:
    class Local(ReLU):
        pass

    with pytest.raises(ModelError, match=r"Local is defined inside a function.*define it at the top level of a module"):
        back(network(nn.Sequential(nn.Linear(4, 3), Local())), tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_argument_that_no_file_holds_is_refused_when_it_is_saved(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Scaled: names is a function, but a model file holds only numbers"):
        back(network(Scaled(nn.Linear(4, 3), names=lambda: 3)), tmp_path)


def test_a_part_changed_after_it_was_made_is_refused_when_it_is_saved(tmp_path: Path) -> None:
    changed = Scaled(nn.Linear(4, 3))
    changed.times = 7.0
    with pytest.raises(ModelError, match="gives other outputs"):
        back(network(changed), tmp_path)
    grown = Scaled(nn.Linear(4, 3))
    grown.extra.append(nn.Linear(3, 3))
    with pytest.raises(ModelError, match=r"'extra.0.weight' as missing"):
        back(network(grown), tmp_path)


def test_a_class_defined_again_since_is_refused_when_it_is_saved(tmp_path: Path) -> None:
    made = network(nn.Sequential(nn.Linear(4, 3), ReLU()))
    kind = kind_of(ReLU)
    try:
        type("ReLU", (nn.Module,), {"__module__": ReLU.__module__, "__qualname__": "ReLU"})
        with pytest.raises(ModelError, match="was defined again since this network was made"):
            back(made, tmp_path)
    finally:
        kinds[kind] = ReLU


def test_own_subclasses_of_byhands_containers_come_back_as_themselves(tmp_path: Path) -> None:
    made = network(Twice(nn.Linear(4, 4), nn.Linear(4, 3)))
    again = back(made, tmp_path)
    assert type(again.module) is Twice
    assert np.array_equal(again.forward(X), made.forward(X))
    whole = network(Whole())
    again = back(whole, tmp_path)
    assert type(again.module) is Whole
    assert np.array_equal(again.forward(X), whole.forward(X))


class Twice(nn.Sequential):
    def forward(self, x: Any) -> Any:
        return super().forward(x) * 2


class Whole(nn.Sequential):
    def __init__(self, width: int = 6) -> None:
        super().__init__(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3))


# ---------------------------------------------------------------- parts are found wherever they stand


def test_layers_and_parameters_in_lists_tuples_and_dicts_are_listed_and_trained() -> None:
    made = network(Listed())
    assert [name for name, _ in made.module.parameters()] == [
        "scales.0", "layers.0.weight", "layers.0.bias", "layers.1.1.weight", "layers.1.1.bias", "parts.last.weight",
        "parts.last.bias", "parts.unused.deeper.0.weight", "parts.unused.deeper.0.bias",
    ]  # fmt: skip
    assert made.parameters.size == 40 + 72 + 27 + 6 + 3
    made.learn(X, np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]])
    by_name = {name: parameter.grad for name, parameter in made.module.parameters()}
    assert all(by_name[name].any() for name in by_name if "unused" not in name)
    made.module.eval()
    assert not made.module.layers[1][1].training


def test_module_lists_and_dicts_have_pytorchs_names_and_come_back(tmp_path: Path) -> None:
    module = Branches(nn.ModuleList([nn.Linear(4, 4)]), nn.ModuleDict({"items": nn.Linear(4, 3)}))
    module.layers.append(nn.Linear(4, 4))
    made = network(module)
    assert [name for name, _ in module.parameters()][::2] == ["layers.0.weight", "layers.1.weight", "heads.items.weight"]
    assert np.array_equal(back(made, tmp_path).forward(X), made.forward(X))
    with pytest.raises(ModelError, match="a part must be a module"):
        module.layers.append(3)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"without dots, got 'a\.b'"):
        module.heads["a.b"] = nn.Linear(2, 2)


class Branches(nn.Module):
    def __init__(self, layers: nn.ModuleList, heads: nn.ModuleDict) -> None:
        self.layers, self.heads = layers, heads

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return self.heads["items"](x)


def test_a_module_that_stands_twice_is_counted_drawn_and_kept_once() -> None:
    shared, alone = Shared(), nn.Sequential(nn.Linear(4, 4), nn.BatchNorm2d(4))
    assert shared.n_parameters == alone.n_parameters + 15
    made = network(shared)
    assert sorted(made.buffers) == ["first.1.running_mean", "first.1.running_var"]
    sent = nn.to_pytorch(shared)
    assert np.array_equal(sent["again.0.weight"], sent["first.0.weight"])
    assert np.array_equal(sent["again.1.running_var"], sent["first.1.running_var"])
    nn.from_pytorch(Shared(), sent)
    with pytest.raises(ModelError, match="are one tensor in this network, but two different ones came"):
        nn.from_pytorch(Shared(), sent | {"again.0.weight": sent["again.0.weight"] + 1})


def test_modules_that_know_the_one_around_them_are_walked_once() -> None:
    outer, inner = UNet(), nn.Linear(2, 2)
    outer.a.around = outer
    outer.inner = [inner, outer]
    assert outer.n_parameters == 15 + 6


def test_a_parameter_where_nobody_looks_for_it_is_refused_before_training() -> None:
    for hidden in (deque([nn.Linear(4, 3)]), {1.5: nn.Linear(4, 3)}.values()):
        module = UNet()
        module.hidden = hidden
        module.forward = lambda x, module=module: module.a(x) + next(iter(module.hidden))(x)  # type: ignore[method-assign]
        with pytest.raises(ModelError, match=r"computes with a parameter \(3, 4\) that training would not find"):
            network(module)


def test_keys_that_would_give_two_parts_one_name_are_refused() -> None:
    for parts in ({"1": nn.Linear(2, 2), 1: nn.Linear(2, 2)}, {"a.b": nn.Linear(2, 2)}):
        with pytest.raises(ModelError, match="a part's key must be its own and without a dot"):
            UNet().parts = parts


def test_ops_in_lists_carry_the_name_of_their_place() -> None:
    made = network(Listed())
    with byhand.engine.watch() as tape:
        made.module(Tensor(X))
    assert [node.scope for node in tape][:3] == ["layers.0", "layers.1.0", "layers.1.1"]


def tied() -> Any:
    """A network whose parts were made one by one, and whose weights were made one afterwards."""
    net = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.Linear(4, 3))
    net[2].weight = net[0].weight
    return nn.Network(net, (4,), seed=1)


def test_weights_that_were_tied_come_back_tied_from_a_file(tmp_path: Path) -> None:
    network = tied()
    save_model(tmp_path / "tied.safetensors", Model(network, class_names=("a", "b", "c"), metrics={}))
    again = load_model(tmp_path / "tied.safetensors").network
    assert again.module[2].weight is again.module[0].weight
    assert again.parameters.size == network.parameters.size == 16 + 4 + 4 + 12 + 3
    assert np.array_equal(again.forward(X), network.forward(X))
    again.learn(X, np.eye(3)[[0, 1, 2, 0, 1]])  # and go on as one
    assert again.module[2].weight is again.module[0].weight
    assert "2.weight" not in again.tensors()


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ({"2.weight": "0.bias"}, r"tied names '2.weight' \(4, 4\) and '0.bias' \(4,\): their shapes must agree"),
        ({"7.weight": "0.weight"}, "tied names '7.weight', which is no parameter of this network"),
        ({"1.training": "0.weight"}, "tied names '1.training', which is no parameter"),
        (["2.weight"], "tied must be names of parameters by name"),
        ({"2.weight": 3}, "tied names 3, which is no parameter"),
    ],
)
def test_ties_that_are_none_are_told_in_one_line(names: Any, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        nn.network.from_architecture(tied().architecture() | {"tied": names})


class Running(nn.Module):
    """Keeps a mean of what it saw, and does not say so."""

    def __init__(self) -> None:
        self.a, self.mean = nn.Linear(4, 3), np.zeros(4, np.float32)

    def forward(self, x: Any) -> Any:
        self.mean = 0.9 * self.mean + 0.1 * x.data.mean(axis=0)
        return self.a(x)


class Kept(Running):
    buffers = ("mean",)


def test_an_array_that_changes_must_be_named_as_state_or_is_refused_when_it_is_saved(tmp_path: Path) -> None:
    made = network(Running())
    made.forward(X)
    with pytest.raises(ModelError, match=r'mean is not what the constructor .* buffers = \("mean",\) in the class'):
        save_model(tmp_path / "m.safetensors", Model(made))
    kept = network(Kept())
    kept.forward(X)
    save_model(tmp_path / "k.safetensors", Model(kept))
    again: Any = load_model(tmp_path / "k.safetensors").network
    assert again.module.mean.tobytes() == kept.module.mean.tobytes() and again.module.mean.any()


def test_a_forward_replaced_on_one_object_is_refused_when_it_is_saved(tmp_path: Path) -> None:
    module = nn.Linear(4, 3)
    before = module.forward
    module.forward = lambda x: before(x) * 5  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="forward of the network, a Linear, was replaced on this one object"):
        save_model(tmp_path / "m.safetensors", Model(network(module)))


def test_what_is_put_into_a_network_after_it_was_made_is_refused_before_the_first_step() -> None:
    def head(module: Any) -> None:
        setattr(module, "1", nn.Linear(3, 3))

    def weight(module: Any) -> None:
        module[0].weight = nn.Parameter(np.zeros((3, 4), np.float32))

    def data(module: Any) -> None:
        module[0].weight.data = np.zeros((3, 4), np.float32)

    def out(module: Any) -> None:
        delattr(module, "1")

    def taken(module: Any) -> None:
        nn.Network(nn.Sequential(module[0]), (4,))

    for change in (head, weight, data, out, taken):
        module = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 3))
        made = network(module)
        change(module)
        with pytest.raises(ModelError, match="after this network was made: make the network again, "):
            byhand.steps(made, byhand.data.load("iris").train, epochs=1, batch_size=8, optimizer=byhand.optim.SGD(0.1))
        with pytest.raises(ModelError, match="make the network again"):
            made.learn(X, np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]])
        again = nn.Network(module, (4,), initialiser=None)
        before = again.parameters.copy()
        again.fit(byhand.data.load("iris").train, epochs=1, optimizer=byhand.optim.SGD(0.1))
        assert all(
            (view != then).any()
            for view, then in zip(*(_by_parameter(again, v) for v in (again.parameters, before)), strict=True)
        )


def _by_parameter(made: Any, vector: Any) -> list[Any]:
    return [vector[place] for place in made.parameter_slices().values()]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(4, 8, 3, groups=4), (8, 8, 4)),
        (nn.ConvTranspose2d(4, 4, 3, groups=2), (8, 8, 4)),
        (nn.Conv1d(6, 6, 3, groups=6), (9, 6)),
        (nn.Conv2d(64, 64, 7, groups=64), (8, 8, 64)),
    ],
    ids=repr,
)
def test_a_file_with_a_grouped_convolution_alone_is_read_back(layer: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    made = nn.Network(nn.Sequential(layer, nn.Flatten()), shape, seed=3)
    save_model(tmp_path / "m.safetensors", Model(made))
    assert load_model(tmp_path / "m.safetensors").network.parameters.tobytes() == made.parameters.tobytes()

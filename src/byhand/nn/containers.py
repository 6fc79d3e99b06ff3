"""Modules made of modules."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from byhand import limits
from byhand.errors import ModelError
from byhand.nn.module import Leaf, Module


class Sequential(Module):
    """One module after the other.

    >>> from byhand import nn
    >>> net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    >>> net.n_parameters
    43
    """

    def __init__(self, *layers: Module) -> None:
        for number, layer in enumerate(layers):
            if not isinstance(layer, Module):
                raise ModelError(
                    f"Sequential: layer {number} must be a module, for example nn.Linear(4, 3), got {limits.told(layer)}"
                )
            setattr(self, str(number), layer)

    def __iter__(self) -> Iterator[Module]:
        return (layer for _, layer in self.children())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, number: int) -> Module:
        return list(self)[number]

    def forward(self, x: Any) -> Any:
        for layer in self:
            x = layer(x)
        return x

    def _account(self) -> dict[str, Any]:
        return {"layers": list(self)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self))})"


class ModuleList(Module):
    """Modules in a list, under PyTorch's names: "layers.0.weight". A plain Python list of modules does as well.

    >>> from byhand import nn
    >>> layers = nn.ModuleList([nn.Linear(4, 5), nn.Linear(5, 3)])
    >>> [name for name, _ in layers.parameters()]
    ['0.weight', '0.bias', '1.weight', '1.bias']
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.held: list[Module] = []
        self.extend(modules)

    def append(self, module: Module) -> ModuleList:
        """Add a module at the end; gives back the list."""
        return self.insert(len(self.held), module)

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Add modules at the end; gives back the list."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, place: int, module: Module) -> ModuleList:
        """Add a module before a place; gives back the list."""
        self.held.insert(place, _part("ModuleList", module))
        self._name()
        return self

    def _name(self) -> None:
        for name, module in self.children():
            object.__setattr__(module, "name", name)

    def _inside(self) -> list[tuple[str, Leaf]]:
        held: list[tuple[str, Leaf]] = [(str(number), module) for number, module in enumerate(self.held)]
        return held + [leaf for leaf in super()._inside() if not leaf[0].startswith("held.")]

    def __iter__(self) -> Iterator[Module]:
        return iter(self.held)

    def __len__(self) -> int:
        return len(self.held)

    def __getitem__(self, place: int | slice) -> Any:
        return ModuleList(self.held[place]) if isinstance(place, slice) else self.held[place]

    def __setitem__(self, place: int, module: Module) -> None:
        self.held[place] = _part("ModuleList", module)
        self._name()

    def __delitem__(self, place: int | slice) -> None:
        del self.held[place]
        self._name()

    def _account(self) -> dict[str, Any]:
        return {"modules": list(self.held)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}([{', '.join(map(repr, self))}])"


class ModuleDict(Module):
    """Modules by name, under PyTorch's names: "branches.left.weight". A plain Python dict of modules does as well.

    >>> from byhand import nn
    >>> branches = nn.ModuleDict({"left": nn.Linear(4, 3), "right": nn.Linear(4, 3)})
    >>> branches["left"].n_parameters, list(branches)
    (15, ['left', 'right'])
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()) -> None:
        self.held: dict[str, Module] = {}
        self.update(modules)

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add modules, or put them in place of others, by name."""
        for name, module in dict(modules).items():
            self[name] = module

    def _inside(self) -> list[tuple[str, Leaf]]:
        return [*self.held.items(), *(leaf for leaf in super()._inside() if not leaf[0].startswith("held."))]

    def keys(self) -> KeysView[str]:
        return self.held.keys()

    def values(self) -> ValuesView[Module]:
        return self.held.values()

    def items(self) -> ItemsView[str, Module]:
        return self.held.items()

    def __iter__(self) -> Iterator[str]:
        return iter(self.held)

    def __contains__(self, name: object) -> bool:
        return name in self.held

    def __len__(self) -> int:
        return len(self.held)

    def __getitem__(self, name: str) -> Module:
        return self.held[name]

    def __setitem__(self, name: str, module: Module) -> None:
        if not isinstance(name, str) or not name or "." in name:
            raise ModelError(f"ModuleDict: a name must be a string without dots, got {name!r}")
        self.held[name] = _part("ModuleDict", module)
        object.__setattr__(module, "name", name)

    def __delitem__(self, name: str) -> None:
        del self.held[name]

    def _account(self) -> dict[str, Any]:
        return {"modules": dict(self.held)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({{{', '.join(f'{name!r}: {module!r}' for name, module in self.items())}}})"


def _part(container: str, module: Any) -> Module:
    if not isinstance(module, Module):
        raise ModelError(f"{container}: a part must be a module, for example nn.Linear(4, 3), got {type(module).__name__}")
    return module


class Residual(Module):
    r"""What a module computes, added to what came in.

    Equation:
        y = x + F(x)
    Source:
        He et al. (2016), arXiv:1512.03385, eq. 1
    """

    def __init__(self, inner: Module) -> None:
        if not isinstance(inner, Module):
            raise ModelError(f"Residual: what is within must be a module, for example nn.Linear(4, 4), got {limits.told(inner)}")
        self.inner = inner

    def forward(self, x: Any) -> Any:
        return x + self.inner(x)

    def _account(self) -> dict[str, Any]:
        return {"inner": self.inner}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r})"

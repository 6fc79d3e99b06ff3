"""A module from its description: what a model file holds instead of code."""

from __future__ import annotations

import difflib
import importlib
import inspect
import json
from typing import Any

import numpy as np

from byhand import limits
from byhand.errors import ByhandError, ModelError
from byhand.nn.module import Module, Parameter, kind_of, kinds

SUCH = "a kind must be the name of a class of byhand.nn, such as Linear, Conv2d or Sequential"
LATER = {"OnnxGraph": "byhand.onnx.graph"}  # kinds that are imported when a file has one
OTHERWISE = "byhand.nn.save_pytorch keeps the weights alone"


def build(description: dict[str, Any]) -> Module:
    """The module that `Module.describe` described, with fresh weights; raises ModelError where it describes none.

    >>> from byhand import nn
    >>> build(nn.Sequential(nn.Linear(4, 3), nn.ReLU()).describe())
    Sequential(Linear(in_features=4, out_features=3, bias=True), ReLU())
    """
    try:
        settings = dict(description)
        kind = settings.pop("kind")
        if kind in LATER:  # it enters itself in the table
            importlib.import_module(LATER[kind])
        cls = kinds.get(kind)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"a module of an unknown kind ({limits.told(error)}): {SUCH}") from error
    if cls is None:
        raise ModelError(_unknown(kind))
    settings = cls.formerly | settings
    signature = inspect.signature(cls)
    for name in settings:
        if name not in signature.parameters:
            raise ModelError(f"{kind} has no setting {limits.told(name)}: it has {', '.join(sorted(signature.parameters))}")
    given = {
        name: _value(settings[name], f"{kind}: {name}", parameter.kind)
        for name, parameter in signature.parameters.items()
        if name in settings
    }
    bound = inspect.BoundArguments(signature, given)
    try:
        made: Module = cls(*bound.args, **bound.kwargs)
    except ByhandError:
        raise
    except Exception as error:  # a stranger's class may raise anything
        raise ModelError(f"{kind} cannot be made of {limits.told(settings)}: {error}") from error
    return made


def _value(described: Any, place: str, parameter: Any = None) -> Any:
    """An argument from what `byhand.nn.module.described` made of it."""
    if isinstance(described, list):
        found = [_value(one, place) for one in described]
        return tuple(found) if parameter is inspect.Parameter.VAR_POSITIONAL else found
    if not isinstance(described, dict):
        return described
    if "tuple" in described and isinstance(described["tuple"], list):
        return tuple(_value(one, place) for one in described["tuple"])
    if "dict" in described and isinstance(described["dict"], dict):
        return {key: _value(one, place) for key, one in described["dict"].items()}
    if "not_described" in described:
        raise ModelError(
            f"{place} is a {described['not_described']}, but a model file holds only numbers, strings, None, lists, tuples, "
            "dicts and modules: give the constructor one of these, for example a name"
        )
    return build(described)


def _unknown(kind: Any) -> str:
    if isinstance(kind, str) and "." in kind:
        return (
            f"the network needs the class {kind!r}, which is not defined here, and a model file holds no code: "
            f"import {kind.rpartition('.')[0]!r}, or run what defines the class, before you load it"
        )
    near = difflib.get_close_matches(kind, kinds, 1) if isinstance(kind, str) else []
    hint = f"did you mean {near[0]!r}?" if near else SUCH
    return f"a module of an unknown kind ({limits.told(kind)}): {hint}, or a class of your own with its module's name"


def strangers(module: Module) -> list[type[Module]]:
    """The classes in a module that are not byhand's own."""
    classes = dict.fromkeys(type(inner) for _, inner in module.modules())
    return [cls for cls in classes if "." in kind_of(cls)]


def check_description(module: Module) -> Module:
    """The module built again from its description; raises ModelError, in words, where a model file could not bring it back."""
    for cls in strangers(module):
        kind = kind_of(cls)
        if "<locals>" in kind:
            raise ModelError(
                f"{cls.__name__} is defined inside a function, where nobody who reads the file could find it: "
                f"define it at the top level of a module; {OTHERWISE}"
            )
        if kinds.get(kind) is not cls:
            raise ModelError(
                f"{kind} was defined again since this network was made, and the file would come back with the new class: "
                f"make the network again; {OTHERWISE}"
            )
    for name, inner in module.modules():
        for attribute, value in vars(inner).items():
            if callable(getattr(type(inner), attribute, None)) and not isinstance(value, Module):
                raise ModelError(
                    f"{attribute} of {name or 'the network'}, a {type(inner).__name__}, was replaced on this one object, and a "
                    f"model file holds no code: write a class of your own with this {attribute}; {OTHERWISE}"
                )
    again = tie(build(json.loads(json.dumps(module.describe()))), ties(module))
    before, after = ({name: array.shape for name, array in one.state().items()} for one in (module, again))
    if before != after:
        odd = next(name for name in {**before, **after} if before.get(name) != after.get(name))
        raise ModelError(
            f"built again from its description, the network has {odd!r} as {after.get(odd, 'missing')}, now it is "
            f"{before.get(odd, 'missing')}: let the constructors make all parts, from their arguments; {OTHERWISE}"
        )
    _check_arrays(module, again)
    return again


def ties(module: Module) -> dict[str, str]:
    """Of each parameter that stands in several places: its further names, and the first, under which files keep it."""
    parameters = dict(module.parameters())
    return {further: first for further, first in module.other_names().items() if first in parameters}


def tie(module: Module, names: Any) -> Module:
    """Make one parameter of those that `ties` told; raises ModelError for names that are none, or of parameters of other shapes.

    >>> from byhand import nn
    >>> net = tie(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)), {"1.weight": "0.weight"})
    >>> net[0].weight is net[1].weight
    True
    """
    if not isinstance(names, dict):
        raise ModelError(f"tied must be names of parameters by name, got {limits.told(names)}")
    modules = dict(module.modules())
    for further, first in names.items():
        found = []
        for name in (further, first):
            prefix, _, own = name.rpartition(".") if isinstance(name, str) else ("", "", "")
            holder = modules.get(prefix)
            parameter = None if holder is None else vars(holder).get(own)
            if not isinstance(parameter, Parameter):
                raise ModelError(f"tied names {limits.told(name)}, which is no parameter of this network")
            found.append((holder, own, parameter))
        (holder, own, mine), (_, _, shared) = found
        if mine.shape != shared.shape:
            raise ModelError(f"tied names {further!r} {mine.shape} and {first!r} {shared.shape}: their shapes must agree")
        setattr(holder, own, shared)
    return module


def _check_arrays(module: Module, again: Module) -> None:
    """Raise ModelError for an array of a stranger's module that the constructor does not make, and no file would hold."""
    own, others = set(strangers(module)), dict(again.modules())
    for name, inner in module.modules():
        for attribute, value in vars(inner).items() if type(inner) in own else ():
            if not isinstance(value, np.ndarray) or attribute in inner.buffers:
                continue
            made: Any = getattr(others[name], attribute, None)
            if not np.array_equal(value, made, equal_nan=value.dtype.kind == "f"):
                place, kind = f"{name}.{attribute}" if name else attribute, type(inner).__name__
                raise ModelError(
                    f"{place} is not what the constructor of {kind} makes, and the file would lose "
                    f'it: name it as state that is not trained, buffers = ("{attribute}",) in the class; {OTHERWISE}'
                )

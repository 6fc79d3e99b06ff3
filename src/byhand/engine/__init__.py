"""The engine: tensors that remember how they were computed, and the ops that compute them."""

from byhand.engine.tensor import (  # first: ops are made of it
    Node,
    Tensor,
    differentiating,
    no_grad,
    recording,
    scope,
    tracing,
    watch,
)

# isort: split
from byhand.engine import numpy_functions as numpy_functions  # what a tensor answers NumPy with
from byhand.engine import rearrange as rearrange  # axes by name
from byhand.engine import volumes as volumes  # what its methods do with volumes
from byhand.engine.create import (
    arange,
    eye,
    from_dlpack,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    rand,
    randn,
    zeros,
    zeros_like,
)
from byhand.engine.transform import grad, hessian, hvp, jacobian, jvp, per_sample_grad, value_and_grad, vjp

__all__ = [
    "Node",
    "Tensor",
    "arange",
    "differentiating",
    "eye",
    "from_dlpack",
    "full",
    "full_like",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "linspace",
    "no_grad",
    "ones",
    "ones_like",
    "per_sample_grad",
    "rand",
    "randn",
    "recording",
    "scope",
    "tracing",
    "value_and_grad",
    "vjp",
    "watch",
    "zeros",
    "zeros_like",
]

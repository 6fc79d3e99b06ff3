"""The engine: tensors that remember how they were computed, and the ops that compute them."""

from byhand.engine.tensor import Node, Tensor, no_grad, recording, scope, watch  # first: the ops are made of these
from byhand.engine.transform import grad, value_and_grad, vjp

__all__ = ["Node", "Tensor", "grad", "no_grad", "recording", "scope", "value_and_grad", "vjp", "watch"]

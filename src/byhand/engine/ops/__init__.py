"""All ops, one file a family. Each is one unit: forward, gradient, equation, shapes and source."""

from byhand.engine.ops.activation import gelu, leaky_relu, relu, sigmoid, silu, softplus, tanh
from byhand.engine.ops.arithmetic import add, divide, multiply, negative, power, subtract
from byhand.engine.ops.conv import conv2d, conv_transpose2d
from byhand.engine.ops.functions import absolute, clip, cos, exp, log, maximum, minimum, sin, sqrt, where
from byhand.engine.ops.linear import linear, matmul
from byhand.engine.ops.losses import bce_with_logits, cross_entropy, gaussian_kl, huber_loss, mse_loss
from byhand.engine.ops.reduce import logsumexp, max, mean, min, sum, variance
from byhand.engine.ops.shape import broadcast, concat, gather, index, pad, reshape, scatter_add, transpose

__all__ = [
    "absolute",
    "add",
    "bce_with_logits",
    "broadcast",
    "clip",
    "concat",
    "conv2d",
    "conv_transpose2d",
    "cos",
    "cross_entropy",
    "divide",
    "exp",
    "gather",
    "gaussian_kl",
    "gelu",
    "huber_loss",
    "index",
    "leaky_relu",
    "linear",
    "log",
    "logsumexp",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mse_loss",
    "multiply",
    "negative",
    "pad",
    "power",
    "relu",
    "reshape",
    "scatter_add",
    "sigmoid",
    "silu",
    "sin",
    "softplus",
    "sqrt",
    "subtract",
    "sum",
    "tanh",
    "transpose",
    "variance",
    "where",
]

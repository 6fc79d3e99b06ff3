"""All ops, one file a family. Each is one unit: forward, gradient, equation, shapes and source."""

from byhand.engine.ops.activation import gelu, leaky_relu, relu, sigmoid, silu, softplus, tanh
from byhand.engine.ops.arithmetic import add, divide, multiply, negative, power, subtract
from byhand.engine.ops.arrange import flip, repeat_interleave, roll, stack, tile
from byhand.engine.ops.attention import attention
from byhand.engine.ops.cast import cast
from byhand.engine.ops.convolution import conv2d, conv_transpose2d, filter_gradient
from byhand.engine.ops.cumulative import cumprod, cumsum, logcumsumexp, prod
from byhand.engine.ops.deviation import norm, std
from byhand.engine.ops.dropout import dropout
from byhand.engine.ops.embedding import embedding
from byhand.engine.ops.functions import absolute, clip, cos, exp, log, maximum, minimum, sin, sqrt, where
from byhand.engine.ops.hyperbolic import acosh, asinh, atanh, cosh, sinh
from byhand.engine.ops.linalg import cholesky, det, eigh, inv, logdet, pinv, qr, solve, svd
from byhand.engine.ops.linear import linear, matmul
from byhand.engine.ops.losses import bce_with_logits, cross_entropy, gaussian_kl, huber_loss, mse_loss
from byhand.engine.ops.matrices import diag, einsum, trace, tril, triu
from byhand.engine.ops.normalization import batch_norm, group_norm, layer_norm, rms_norm
from byhand.engine.ops.pad import pad
from byhand.engine.ops.pool import avg_pool2d, global_avg_pool, max_pool2d
from byhand.engine.ops.rectifiers import elu, hardsigmoid, hardswish, mish
from byhand.engine.ops.reduce import logsumexp, max, mean, min, sum, variance
from byhand.engine.ops.resize import upsample_bilinear, upsample_nearest
from byhand.engine.ops.rounding import ceil, floor, floor_divide, remainder, round, sign, trunc
from byhand.engine.ops.shape import (
    broadcast,
    concat,
    gather,
    index,
    index_add,
    reshape,
    scatter,
    scatter_add,
    transpose,
)
from byhand.engine.ops.softmax import log_softmax, softmax
from byhand.engine.ops.special import erf, expm1, log1p, logaddexp
from byhand.engine.ops.trigonometry import acos, asin, atan, atan2, tan

__all__ = [
    "absolute",
    "acos",
    "acosh",
    "add",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "attention",
    "avg_pool2d",
    "batch_norm",
    "bce_with_logits",
    "broadcast",
    "cast",
    "ceil",
    "cholesky",
    "clip",
    "concat",
    "conv2d",
    "conv_transpose2d",
    "cos",
    "cosh",
    "cross_entropy",
    "cumprod",
    "cumsum",
    "det",
    "diag",
    "divide",
    "dropout",
    "eigh",
    "einsum",
    "elu",
    "embedding",
    "erf",
    "exp",
    "expm1",
    "filter_gradient",
    "flip",
    "floor",
    "floor_divide",
    "gather",
    "gaussian_kl",
    "gelu",
    "global_avg_pool",
    "group_norm",
    "hardsigmoid",
    "hardswish",
    "huber_loss",
    "index",
    "index_add",
    "inv",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log",
    "log1p",
    "log_softmax",
    "logaddexp",
    "logcumsumexp",
    "logdet",
    "logsumexp",
    "matmul",
    "max",
    "max_pool2d",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mish",
    "mse_loss",
    "multiply",
    "negative",
    "norm",
    "pad",
    "pinv",
    "power",
    "prod",
    "qr",
    "relu",
    "remainder",
    "repeat_interleave",
    "reshape",
    "rms_norm",
    "roll",
    "round",
    "scatter",
    "scatter_add",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "solve",
    "sqrt",
    "stack",
    "std",
    "subtract",
    "sum",
    "svd",
    "tan",
    "tanh",
    "tile",
    "trace",
    "transpose",
    "tril",
    "triu",
    "trunc",
    "upsample_bilinear",
    "upsample_nearest",
    "variance",
    "where",
]

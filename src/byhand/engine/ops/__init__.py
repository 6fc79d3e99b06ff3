"""All ops, one file a family. Each is one unit: forward, gradient, equation, shapes and source."""

from byhand.engine.ops.activation import gelu, leaky_relu, relu, sigmoid, silu, softplus, tanh
from byhand.engine.ops.arithmetic import add, divide, multiply, negative, power, subtract
from byhand.engine.ops.attention import attention
from byhand.engine.ops.conv import conv2d, conv_transpose2d
from byhand.engine.ops.dropout import dropout
from byhand.engine.ops.embedding import embedding
from byhand.engine.ops.functions import absolute, clip, cos, exp, log, maximum, minimum, sin, sqrt, where
from byhand.engine.ops.linear import linear, matmul
from byhand.engine.ops.losses import bce_with_logits, cross_entropy, gaussian_kl, huber_loss, mse_loss
from byhand.engine.ops.norm import batch_norm, group_norm, layer_norm, rms_norm
from byhand.engine.ops.pool import avg_pool2d, global_avg_pool, max_pool2d
from byhand.engine.ops.reduce import logsumexp, max, mean, min, sum, variance
from byhand.engine.ops.resize import upsample_bilinear, upsample_nearest
from byhand.engine.ops.shape import broadcast, concat, gather, index, pad, reshape, scatter_add, transpose
from byhand.engine.ops.softmax import log_softmax, softmax

__all__ = [
    "absolute",
    "add",
    "attention",
    "avg_pool2d",
    "batch_norm",
    "bce_with_logits",
    "broadcast",
    "clip",
    "concat",
    "conv2d",
    "conv_transpose2d",
    "cos",
    "cross_entropy",
    "divide",
    "dropout",
    "embedding",
    "exp",
    "gather",
    "gaussian_kl",
    "gelu",
    "global_avg_pool",
    "group_norm",
    "huber_loss",
    "index",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log",
    "log_softmax",
    "logsumexp",
    "matmul",
    "max",
    "max_pool2d",
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
    "rms_norm",
    "scatter_add",
    "sigmoid",
    "silu",
    "sin",
    "softmax",
    "softplus",
    "sqrt",
    "subtract",
    "sum",
    "tanh",
    "transpose",
    "upsample_bilinear",
    "upsample_nearest",
    "variance",
    "where",
]

"""Layers and networks on the engine, named as in PyTorch; images are (N, H, W, C)."""

from byhand.nn.activation import (
    ELU,
    GELU,
    Hardsigmoid,
    Hardswish,
    Identity,
    LeakyReLU,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)  # fmt: skip
from byhand.nn.attention import Embedding, MultiheadAttention, TransformerEncoderLayer
from byhand.nn.classification import BCEWithLogitsLoss, CrossEntropyLoss, MultiMarginLoss, NLLLoss
from byhand.nn.containers import ModuleDict, ModuleList, Residual, Sequential
from byhand.nn.convolution import Conv2d, ConvTranspose2d
from byhand.nn.description import build
from byhand.nn.dropout import Dropout, Dropout2d
from byhand.nn.exchange import from_pytorch, load_pytorch, save_pytorch, to_pytorch
from byhand.nn.linear import Linear
from byhand.nn.losses import (
    GaussianNLLLoss,
    HingeEmbeddingLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    SmoothL1Loss,
)
from byhand.nn.module import Module, Parameter
from byhand.nn.network import Network
from byhand.nn.normalization import BatchNorm1d, BatchNorm2d, GroupNorm, InstanceNorm1d, InstanceNorm2d, LayerNorm, RMSNorm
from byhand.nn.padding import CircularPad2d, ReflectionPad2d, ReplicationPad2d, ZeroPad2d
from byhand.nn.pooling import AdaptiveAvgPool2d, AvgPool2d, GlobalAvgPool2d, MaxPool2d
from byhand.nn.recurrent import GRU, LSTM, RNN
from byhand.nn.reshaping import Flatten, PixelShuffle, PixelUnshuffle, Unflatten
from byhand.nn.resizing import Upsample
from byhand.nn.sequences import Conv1d, ConvTranspose1d
from byhand.nn.summary import summary

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "CircularPad2d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "Dropout",
    "Dropout2d",
    "Embedding",
    "Flatten",
    "GaussianNLLLoss",
    "GlobalAvgPool2d",
    "GroupNorm",
    "Hardsigmoid",
    "Hardswish",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "Identity",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "KLDivLoss",
    "L1Loss",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "Mish",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiMarginLoss",
    "MultiheadAttention",
    "NLLLoss",
    "Network",
    "PReLU",
    "Parameter",
    "PixelShuffle",
    "PixelUnshuffle",
    "RMSNorm",
    "ReLU",
    "ReflectionPad2d",
    "ReplicationPad2d",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "Tanh",
    "TransformerEncoderLayer",
    "Unflatten",
    "Upsample",
    "ZeroPad2d",
    "build",
    "from_pytorch",
    "load_pytorch",
    "save_pytorch",
    "summary",
    "to_pytorch",
]  # fmt: skip

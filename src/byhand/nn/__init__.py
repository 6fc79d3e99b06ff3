"""Layers and networks on the engine, named as in PyTorch; images are (N, H, W, C)."""

from byhand.nn.activation import GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from byhand.nn.attention import Embedding, MultiheadAttention
from byhand.nn.containers import Residual, Sequential
from byhand.nn.convolution import Conv2d, ConvTranspose2d, Upsample
from byhand.nn.description import build
from byhand.nn.dropout import Dropout
from byhand.nn.exchange import from_pytorch, load_pytorch, save_pytorch, to_pytorch
from byhand.nn.linear import Linear
from byhand.nn.module import Module, Parameter
from byhand.nn.network import Network
from byhand.nn.normalization import BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
from byhand.nn.pooling import AvgPool2d, Flatten, GlobalAvgPool2d, MaxPool2d
from byhand.nn.summary import summary

__all__ = [
    "GELU", "AvgPool2d", "BatchNorm2d", "Conv2d", "ConvTranspose2d", "Dropout", "Embedding", "Flatten", "GlobalAvgPool2d",
    "GroupNorm", "LayerNorm", "LeakyReLU", "Linear", "MaxPool2d", "Module", "MultiheadAttention", "Network", "Parameter",
    "RMSNorm", "ReLU", "Residual", "Sequential", "SiLU", "Sigmoid", "Softmax", "Softplus", "Tanh", "Upsample", "build",
    "from_pytorch", "load_pytorch", "save_pytorch", "summary", "to_pytorch",
]  # fmt: skip

"""Attention: every place of a sequence looks at every other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand.backend import generator
from byhand.engine import ops
from byhand.errors import ModelError
from byhand.initialisers import he
from byhand.nn.linear import Linear
from byhand.nn.module import Module, Parameter
from byhand.nn.sizes import at_least_one


class Embedding(Module):
    r"""A learned vector for each of a number of things (letters, classes).

    Equation:
        y_i = w_{k_i}
    Shapes:
        k: (...) whole numbers below num_embeddings -> y: (..., embedding_dim); weight: (num_embeddings, embedding_dim)
    Source:
        Bengio et al. (2003), "A neural probabilistic language model", section 2
    """

    settings = ("num_embeddings", "embedding_dim")
    reads_indices = True

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        at_least_one("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.weight = Parameter(np.zeros((num_embeddings, embedding_dim), np.float32))
        self.draw(he, generator(0, "weights"))

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        self.weight.data[...] = rng.standard_normal(self.weight.shape)  # as PyTorch's: N(0, 1)

    def forward(self, indices: Any) -> Any:
        return ops.embedding(self.weight, indices=indices)


class MultiheadAttention(Module):
    r"""Scaled dot-product attention in several heads, of a sequence to itself.

    Equation:
        \operatorname{head}_h = \operatorname{softmax}\left(\frac{q_h k_h^\top}{\sqrt{d_h}}\right) v_h, \quad
        y = (\operatorname{head}_1, \dots)\,w_o^\top + b_o
    Shapes:
        x: (N, T, embed_dim) -> y: the same; in_proj_weight: (3 embed_dim, embed_dim), the rows of q, k and v
    Source:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.2

    `causal`: each place looks at itself and what came before it.
    """

    settings = ("embed_dim", "num_heads", "causal")

    def __init__(self, embed_dim: int, num_heads: int, causal: bool = False) -> None:
        at_least_one("MultiheadAttention", embed_dim=embed_dim, num_heads=num_heads)
        if embed_dim % num_heads:
            raise ModelError(f"MultiheadAttention: {embed_dim} numbers do not part into {num_heads} heads: choose a divisor")
        self.embed_dim, self.num_heads, self.causal = embed_dim, num_heads, causal
        self.in_proj_weight = Parameter(np.zeros((3 * embed_dim, embed_dim), np.float32))
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, np.float32))
        self.out_proj = Linear(embed_dim, embed_dim)
        self.draw(he, generator(0, "weights"))

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        bound = math.sqrt(3 / self.embed_dim)  # variance 1/fan_in: q, k and v of normalised inputs begin at variance 1
        self.in_proj_weight.data[...] = rng.uniform(-bound, bound, self.in_proj_weight.shape)
        self.in_proj_bias.data.fill(0)

    def forward(self, x: Any) -> Any:
        n, t, d = x.shape
        if d != self.embed_dim:
            raise ModelError(f"MultiheadAttention: x is {x.shape}, but it wants (N, T, {self.embed_dim})")
        qkv = ops.linear(x, self.in_proj_weight, self.in_proj_bias)
        qkv = qkv.reshape(n, t, 3, self.num_heads, d // self.num_heads).transpose(2, 0, 3, 1, 4)  # 3, N, heads, T, d_h
        y = ops.attention(qkv[0], qkv[1], qkv[2], causal=self.causal)
        return self.out_proj(y.transpose(0, 2, 1, 3).reshape(n, t, d))

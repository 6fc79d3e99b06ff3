"""Attention: every place of a sequence looks at every other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import array_module, generator
from byhand.engine import Tensor, ops
from byhand.errors import ModelError
from byhand.initialisers import he
from byhand.nn.dropout import Dropout
from byhand.nn.linear import Linear, weighted
from byhand.nn.module import Module, Parameter
from byhand.nn.normalization import LayerNorm
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
    r"""Scaled dot-product attention in several heads: of a sequence to itself, or to another one.

    Equation:
        \operatorname{head}_h = \operatorname{softmax}\left(\alpha\,q_h k_h^\top + m\right) v_h, \quad
        \alpha = \frac{1}{\sqrt{d_h}}, \quad y = (\operatorname{head}_1, \dots)\,w_o^\top + b_o
    Shapes:
        query: (N, T, embed_dim), key: (N, S, kdim), value: (N, S, vdim) -> y: (N, T, embed_dim);
        in_proj_weight: (3 embed_dim, embed_dim), the rows of q, k and v; or q_proj_weight, k_proj_weight, v_proj_weight
    Source:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.2; grouped queries: Ainslie et al. (2023), arXiv:2305.13245

    Without a key it looks at the query itself, without a value it takes the key's. Sequences stand as (N, T, d): PyTorch's
    batch_first.

    Arguments:
        causal: each place looks at itself and what came before it.
        dropout: the share of the weights p that training leaves out.
        kdim, vdim: widths of key and value; embed_dim, unless given.
        num_kv_heads: how many heads of keys and values there are, a divisor of num_heads, whose heads share them in groups.
        scale: alpha; 1/sqrt(d_h), unless given.
    """

    settings = ("embed_dim", "num_heads", "causal", "dropout", "bias", "kdim", "vdim", "num_kv_heads", "scale")

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        causal: bool = False,
        *,
        dropout: float = 0.0,
        bias: bool = True,
        kdim: int | None = None,
        vdim: int | None = None,
        num_kv_heads: int | None = None,
        scale: float | None = None,
    ) -> None:
        name = "MultiheadAttention"
        at_least_one(name, embed_dim=embed_dim, num_heads=num_heads)
        for what, n in (("kdim", kdim), ("vdim", vdim), ("num_kv_heads", num_kv_heads)):
            at_least_one(name, embed_dim=embed_dim, **({what: n} if n is not None else {}))
        if embed_dim % num_heads:
            raise ModelError(f"{name}: {embed_dim} numbers do not part into {num_heads} heads: choose a divisor")
        if num_kv_heads is not None and num_heads % num_kv_heads:
            raise ModelError(f"{name}: {num_heads} heads do not part into {num_kv_heads} groups: choose a divisor")
        self.embed_dim, self.num_heads, self.causal = embed_dim, num_heads, limits.truth(f"{name}: causal", causal)
        self.bias, self.kdim, self.vdim, self.num_kv_heads = limits.truth(f"{name}: bias", bias), kdim, vdim, num_kv_heads
        self.scale = None if scale is None else limits.number(f"{name}: scale", scale)
        self.dropout = limits.number(f"{name}: dropout", dropout, least=0, below=1)
        self.groups = num_heads if num_kv_heads is None else num_kv_heads
        kv_width = embed_dim // num_heads * self.groups
        if kdim in (None, embed_dim) and vdim in (None, embed_dim) and kv_width == embed_dim:
            self.in_proj_weight: Parameter | None = Parameter(np.zeros((3 * embed_dim, embed_dim), np.float32))
        else:
            self.in_proj_weight = None
            self.q_proj_weight = Parameter(np.zeros((embed_dim, embed_dim), np.float32))
            self.k_proj_weight = Parameter(np.zeros((kv_width, kdim or embed_dim), np.float32))
            self.v_proj_weight = Parameter(np.zeros((kv_width, vdim or embed_dim), np.float32))
        self.in_proj_bias = Parameter(np.zeros(embed_dim + 2 * kv_width, np.float32)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias)
        self.drop = Dropout(dropout) if self.dropout else None
        self.draw(he, generator(0, "weights"))

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        together = self.in_proj_weight
        for weight in (together,) if together is not None else (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            bound = math.sqrt(3 / weight.shape[1])  # variance 1/fan_in: q, k and v of normalised inputs begin at variance 1
            weight.data[...] = rng.uniform(-bound, bound, weight.shape)
        if self.in_proj_bias is not None:
            self.in_proj_bias.data.fill(0)

    def forward(self, query: Any, key: Any = None, value: Any = None, key_padding_mask: Any = None, attn_mask: Any = None) -> Any:
        """The sequence of what each place of the query finds, (N, T, embed_dim).

        key_padding_mask: (N, S), True at places that nobody looks at. attn_mask: (T, S), or (N num_heads, T, S), or what
        broadcasts to (N, num_heads, T, S): booleans, True where a place must not look, or numbers to add to the scores.
        """
        key = query if key is None else key
        value = key if value is None else value
        self._check(query, key, value)
        n, t, d = query.shape
        if self.in_proj_weight is not None and key is query and value is query:
            qkv = weighted(query, self.in_proj_weight, self.in_proj_bias)
            qkv = qkv.reshape(n, t, 3, self.num_heads, d // self.num_heads).transpose(2, 0, 3, 1, 4)  # 3, N, heads, T, d_h
            q, k, v = qkv[0], qkv[1], qkv[2]
        else:
            q, k, v = self._projected(query, key, value)
        y = self._attended(q, k, v, self._mask(key_padding_mask, attn_mask, (n, self.num_heads, t, key.shape[1])))
        return self.out_proj(y.transpose(0, 2, 1, 3).reshape(n, t, d))

    def _check(self, query: Any, key: Any, value: Any) -> None:
        widths = (self.embed_dim, self.kdim or self.embed_dim, self.vdim or self.embed_dim)
        for name, x, width in zip(("x" if key is query else "query", "key", "value"), (query, key, value), widths, strict=True):
            if x.ndim != 3 or x.shape[2] != width:
                raise ModelError(f"MultiheadAttention: {name} must be (N, T, {width}), got {x.shape}")
        if not query.shape[0] == key.shape[0] == value.shape[0] or key.shape[1] != value.shape[1]:
            raise ModelError(
                f"MultiheadAttention: query is {query.shape}, key {key.shape} and value {value.shape}: "
                "they must have one N, key and value one length"
            )

    def _projected(self, query: Any, key: Any, value: Any) -> tuple[Any, Any, Any]:
        """q, k and v by their own weights, (N, heads, T, d_h) each."""
        e, kv = self.embed_dim, self.embed_dim // self.num_heads * self.groups
        rows = (slice(0, e), slice(e, e + kv), slice(e + kv, e + 2 * kv))
        together = self.in_proj_weight
        weights = [together[part] for part in rows] if together is not None else [
            self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
        ]  # fmt: skip
        found = []
        for x, w, part, heads in zip((query, key, value), weights, rows, (self.num_heads, self.groups, self.groups), strict=True):
            z = weighted(x, w, None if self.in_proj_bias is None else self.in_proj_bias[part])
            found.append(z.reshape(*z.shape[:2], heads, z.shape[2] // heads).transpose(0, 2, 1, 3))
        return found[0], found[1], found[2]

    def _mask(self, key_padding_mask: Any, attn_mask: Any, shape: tuple[int, ...]) -> Any:
        """Numbers to add to the scores (N, heads, T, S), -infinity where nobody looks; None where all is seen."""
        n, heads, t, s = shape
        added = None
        for name, mask, whole in (("key_padding_mask", key_padding_mask, (n, 1, 1, s)), ("attn_mask", attn_mask, shape)):
            if mask is None:
                continue
            mask = np.asarray(mask.data if isinstance(mask, Tensor) else mask)  # noqa: PLW2901
            given = mask.shape
            if name == "key_padding_mask" and given == (n, s):
                mask = mask.reshape(n, 1, 1, s)  # noqa: PLW2901
            elif name == "attn_mask" and given == (n * heads, t, s):
                mask = mask.reshape(n, heads, t, s)  # noqa: PLW2901
            try:
                fits = mask.dtype.kind in "bf" and np.broadcast_shapes(mask.shape, whole) == whole
            except ValueError:
                fits = False
            if not fits:
                asked = f"({n}, {s})" if name == "key_padding_mask" else f"({t}, {s}), or broadcast to {shape},"
                raise ModelError(f"MultiheadAttention: {name} must be {asked} of booleans or floats, got {mask.dtype} {given}")
            numbers = np.where(mask, -np.inf, 0.0) if mask.dtype == bool else mask
            added = numbers if added is None else added + numbers
        return added

    def _attended(self, q: Any, k: Any, v: Any, mask: Any) -> Any:
        """(N, heads, T, d_h); a group of queries looks by one head of keys, which broadcasts."""
        n, heads, t, d = q.shape
        if self.groups != heads:
            each = heads // self.groups
            q = q.reshape(n, self.groups, each, t, d)
            k, v = (one.reshape(n, self.groups, 1, *one.shape[2:]) for one in (k, v))
            if mask is not None:
                mask = np.broadcast_to(mask, (n, heads, t, k.shape[-2])).reshape(n, self.groups, each, t, k.shape[-2])
        if self.drop is not None and self.training:
            scores = q @ k.transpose(*range(k.ndim - 2), -1, -2) * (1 / math.sqrt(d) if self.scale is None else self.scale)
            hidden = 0.0 if mask is None else mask
            if self.causal:
                hidden = hidden + np.where(np.tri(t, k.shape[-2], dtype=bool), 0.0, -np.inf)
            seen = scores + array_module(scores.data).asarray(hidden, dtype=scores.dtype)
            y = self.drop(ops.softmax(seen, axis=-1)) @ v
        else:
            y = ops.attention(q, k, v, mask=mask, causal=self.causal, scale=self.scale)
        return y.reshape(n, heads, t, d) if self.groups != heads else y


class TransformerEncoderLayer(Module):
    r"""One layer of a transformer: every place looks at every other, then thinks about it alone.

    Equation:
        x \leftarrow \operatorname{LN}(x + \operatorname{Attention}(x)), \quad
        x \leftarrow \operatorname{LN}(x + w_2 f(w_1 x + b_1) + b_2);
        \quad \text{norm first: } x \leftarrow x + \operatorname{Attention}(\operatorname{LN}(x)), \dots
    Shapes:
        x: (N, T, d_model) -> y: the same; w_1: (dim_feedforward, d_model), w_2: (d_model, dim_feedforward)
    Source:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.1; norm first: Xiong et al. (2020), arXiv:2002.04745, figure 1

    `activation` f is "relu" or "gelu". Sequences stand as (N, T, d): `batch_first` must be true.
    """

    settings = (
        "d_model", "nhead", "dim_feedforward", "dropout", "activation", "layer_norm_eps", "batch_first", "norm_first", "bias"
    )  # fmt: skip

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = True,
        norm_first: bool = False,
        bias: bool = True,
    ) -> None:
        name = "TransformerEncoderLayer"
        if limits.truth(f"{name}: batch_first", batch_first) is not True:
            raise ModelError(f"{name}: batch_first must be true: sequences stand as (N, T, d_model) here")
        self.d_model, self.nhead, self.dim_feedforward, self.dropout = d_model, nhead, dim_feedforward, dropout
        self.activation = limits.one_of(f"{name}: activation", activation, ("relu", "gelu"))
        self.layer_norm_eps, self.batch_first = layer_norm_eps, batch_first
        self.norm_first, self.bias = limits.truth(f"{name}: norm_first", norm_first), limits.truth(f"{name}: bias", bias)
        self.self_attn = MultiheadAttention(d_model, nhead, dropout=dropout, bias=bias)
        self.linear1 = Linear(d_model, dim_feedforward, bias)
        self.linear2 = Linear(dim_feedforward, d_model, bias)
        self.norm1, self.norm2 = (LayerNorm(d_model, layer_norm_eps, bias=bias) for _ in range(2))
        self.drop = Dropout(dropout)

    def forward(self, x: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        """The masks are those of `MultiheadAttention`; `is_causal`: each place looks at itself and what came before it."""
        if is_causal and src_mask is None:
            src_mask = ~np.tri(x.shape[1], dtype=bool)
        if self.norm_first:
            x = x + self._look(self.norm1(x), src_mask, src_key_padding_mask)
            return x + self._think(self.norm2(x))
        x = self.norm1(x + self._look(x, src_mask, src_key_padding_mask))
        return self.norm2(x + self._think(x))

    def _look(self, x: Any, mask: Any, padding: Any) -> Any:
        return self.drop(self.self_attn(x, key_padding_mask=padding, attn_mask=mask))

    def _think(self, x: Any) -> Any:
        bend = ops.relu if self.activation == "relu" else ops.gelu
        return self.drop(self.linear2(self.drop(bend(self.linear1(x)))))

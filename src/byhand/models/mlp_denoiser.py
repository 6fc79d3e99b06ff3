r"""A denoiser of points and codes: what a U-Net is to images, a few full layers are to short vectors.

    x -> in -> block -> block -> block -> norm, out
               |  time and label, in every block  |

Source: the blocks as in Gorishniy et al. (2021), arXiv:2106.11959, section 3.2, told the time and the label as a U-Net's are: Ho,
Jain and Abbeel (2020), arXiv:2006.11239, appendix B.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import array_module
from byhand.engine import Tensor, ops
from byhand.errors import ModelError
from byhand.models.unet import waves
from byhand.nn import Embedding, LayerNorm, Linear, Module, Sequential
from byhand.nn.sizes import at_least_one

WAVES = 64  # numbers that say the time


class MLPDenoiser(Module):
    r"""The network \epsilon_\theta(x_t, t, y), or v_\theta: a vector for a noisy vector.

    Equation:
        e = \operatorname{silu}(w_2 \operatorname{silu}(w_1 \gamma(t) + b_1) + b_2 + w_y), \quad
        h_0 = w x + b, \quad h_l = B_l(h_{l-1}, e), \quad z = w' \operatorname{norm}(h_L) + b'
    Shapes:
        x: (N, features), t: (N,), labels: (N,) whole numbers -> (N, features)
    Source:
        Ho, Jain and Abbeel (2020), arXiv:2006.11239, appendix B, without the convolutions

    Arguments: `features` d of a vector; `width` of the layers and `depth`, how many blocks; `classes`, where the label `classes`
    means "any". The last layer begins at zero: the untrained network answers 0.

    >>> MLPDenoiser(2, width=64, depth=3).n_parameters
    46466
    """

    settings = ("features", "width", "depth", "classes")

    def __init__(self, features: int, width: int = 128, depth: int = 3, classes: int = 0) -> None:
        at_least_one("MLPDenoiser", features=features, width=width)
        limits.whole("MLPDenoiser: depth", depth, most=100)
        limits.whole("MLPDenoiser: classes", classes, least=0)
        self.features, self.width, self.depth, self.classes = features, width, depth, classes
        self.time1 = Linear(WAVES, width)
        self.time2 = Linear(width, width)
        self.label = Embedding(classes + 1, width)
        self.start = Linear(features, width)
        self.blocks = Sequential(*(DenoiserBlock(width) for _ in range(depth)))
        self.norm = LayerNorm(width)
        self.out = ZeroLinear(width, features)

    def forward(self, x: Any, t: Any, labels: Any = None) -> Tensor:
        """The answer for each vector; without labels, for "any" of them."""
        if x.ndim != 2 or x.shape[1] != self.features:
            raise ModelError(f"MLPDenoiser: x must be (N, {self.features}), got {x.shape}")
        xp = array_module(x.data)
        t = xp.asarray(t)
        labels = xp.full(len(x), self.classes) if labels is None else xp.asarray(labels)
        for name, given in (("t", t), ("labels", labels)):
            if given.shape != (len(x),):
                raise ModelError(f"MLPDenoiser: {name} must be ({len(x)},), one number per row of x, got {given.shape}")
        e = self.time2(ops.silu(self.time1(waves(t, WAVES).astype(x.dtype))))
        e = ops.silu(e + self.label(labels))
        h = self.start(x)
        for block in self.blocks:
            h = block(h, e)
        return self.out(self.norm(h))


class DenoiserBlock(Module):
    r"""Two layers, between which the embedding comes in, added to what was there before.

    Equation:
        y = x + w_2 \operatorname{silu}(w_1 \operatorname{norm}(x) + b_1 + w_e e) + b_2
    Shapes:
        x, e: (N, width) -> y: (N, width)
    Source:
        He et al. (2016), arXiv:1603.05027, figure 4e
    """

    settings = ("width",)

    def __init__(self, width: int) -> None:
        self.width = width
        self.norm = LayerNorm(width)
        self.first = Linear(width, width)
        self.condition = Linear(width, width, bias=False)
        self.second = Linear(width, width)

    def forward(self, x: Any, e: Any) -> Tensor:
        return x + self.second(ops.silu(self.first(self.norm(x)) + self.condition(e)))


class ZeroLinear(Linear):
    """A full layer that begins at zero."""

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        for _, parameter in self.parameters():
            parameter.data.fill(0)

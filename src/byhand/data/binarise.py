r"""Grey images made black and white at random: each pixel is ink with its grey level as the probability.

Drawn anew each time an image is seen, so a network never sees the same one twice; a test set is drawn once, with a seed that is
told. Likelihoods of binarised digits are compared on such draws.

Source: Salakhutdinov and Murray (2008), "On the quantitative analysis of deep belief networks", section 5; drawn anew each
time: Burda, Grosse and Salakhutdinov (2016), arXiv:1509.00519, section 5.1.
"""

from __future__ import annotations

import numpy as np

from byhand.backend import Array, generator


def binarise(batch: Array, rng: np.random.Generator) -> Array:
    r"""A batch in [0, 1] of any shape as draws of 0 and 1.

    Equation:
        b_i \sim \mathrm{Bernoulli}(x_i)

    >>> binarise(np.array([[0.0, 1.0]]), np.random.default_rng(0))
    array([[0., 1.]])
    """
    return (rng.random(batch.shape, np.float32) < batch).astype(batch.dtype)


def binarised(batch: Array, seed: int = 0) -> Array:
    """The same draw every time for one seed: a black and white test set."""
    return binarise(batch, generator(seed, "binarise"))

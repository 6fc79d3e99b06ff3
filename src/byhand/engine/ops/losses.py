"""Costs as ops: each is the mean over the batch, of the sum over a sample's numbers where the textbook has one."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.engine.op import op
from byhand.errors import EngineError


def _same(name: str, a: Any, y: Any) -> None:
    if np.shape(a) != np.shape(y):
        raise EngineError(f"{name}: the outputs are {np.shape(a)} but the targets are {np.shape(y)}: they must agree")
    if np.size(a) == 0:
        raise EngineError(f"{name}: the outputs are {a.shape}, which holds no numbers: there is no mean of none")


@op
class mse_loss:
    r"""Mean squared error: the mean over all numbers of all samples, as PyTorch's.

    Equation:
        C = \frac{1}{n} \sum_i (a_i - y_i)^2
    Gradient:
        \partial C/\partial a = \frac{2}{n} (a - y)\,\delta
    Shapes:
        a, y: any, equal; n: how many numbers they hold -> C: one number
    Source:
        Nielsen (2015), chapter 1, eq. 6, without the 1/2
    """

    def forward(xp: Any, a: Any, y: Any) -> Any:
        _same("mse_loss", a, y)
        error = a - y
        return xp.vdot(error, error) / error.size, (error,)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        (error,) = saved
        found = error * (delta * 2 / error.size).astype(error.dtype)
        return found, -found if wanted[1] else None


@op
class huber_loss:
    r"""Huber's loss: squared near, linear far, so that an outlier pulls no more than the rest; mean over all numbers.

    Equation:
        C = \frac{1}{n} \sum_i \begin{cases} \frac{1}{2} e_i^2 & |e_i| \le d \\ d (|e_i| - \frac{1}{2} d) & |e_i| > d \end{cases},
        \quad e = a - y
    Gradient:
        \partial C/\partial a = \frac{1}{n} \min(\max(e, -d), d)\,\delta
    Shapes:
        a, y: any, equal; d: a number above 0 -> C: one number
    Source:
        Huber (1964), "Robust estimation of a location parameter"
    """

    def forward(xp: Any, a: Any, y: Any, *, d: float = 1.0) -> Any:
        _same("huber_loss", a, y)
        if not d > 0:
            raise EngineError(f"huber_loss: d is {d}, but it must be above 0")
        error = a - y
        size = xp.abs(error)
        each = xp.where(size <= d, 0.5 * error * error, d * (size - 0.5 * d))
        return each.mean(), (error, d)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        error, d = saved
        found = xp.clip(error, -d, d) * (delta / error.size).astype(error.dtype)
        return found, -found if wanted[1] else None


@op
class bce_with_logits:
    r"""Binary cross-entropy of sigmoid outputs, from their weighted inputs, so that no logarithm of 0 can occur; mean over all.

    Equation:
        C = \frac{1}{n} \sum_i \max(z_i, 0) - z_i y_i + \ln(1 + e^{-|z_i|})
    Gradient:
        \partial C/\partial z = \frac{1}{n} (\sigma(z) - y)\,\delta
    Shapes:
        z, y: any, equal; y in [0, 1] -> C: one number
    Source:
        Nielsen (2015), chapter 3, eqs. 57 and 60
    """

    def forward(xp: Any, z: Any, y: Any) -> Any:
        _same("bce_with_logits", z, y)
        each = xp.maximum(z, 0) - z * y + xp.log1p(xp.exp(-xp.abs(z)))
        return each.mean(), (z, y)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        z, y = saved
        share = (delta / z.size).astype(z.dtype)
        return (0.5 * (1 + xp.tanh(0.5 * z)) - y) * share, -z * share if wanted[1] else None


@op
class cross_entropy:
    r"""Cross-entropy of softmax outputs, from their weighted inputs; the mean over the samples.

    Equation:
        C = -\frac{1}{m} \sum_m \sum_k q_{mk} \ln p_{mk}, \quad p = \operatorname{softmax}(z),
        \quad q = (1 - \varepsilon)\,y + \varepsilon / K
    Gradient:
        \partial C/\partial z_{mk} = \frac{1}{m} \left(p_{mk} \sum_j q_{mj} - q_{mk}\right) \delta
    Shapes:
        z: (m, K); y: (m,) whole numbers of classes, or (m, K) probabilities; label smoothing epsilon in [0, 1) -> C: one number
    Source:
        Nielsen (2015), chapter 3, eq. 80; smoothing: Szegedy et al. (2016), arXiv:1512.00567, section 7
    """

    def forward(xp: Any, z: Any, *, target: Any, label_smoothing: float = 0.0) -> Any:
        y = xp.asarray(target)
        if z.ndim != 2 or y.shape not in (z.shape[:1], z.shape) or z.size == 0:
            raise EngineError(
                f"cross_entropy: z is {z.shape} but the targets are {y.shape}: z is (m, K), they are (m,) or (m, K)"
            )
        if not 0 <= label_smoothing < 1:
            raise EngineError(f"cross_entropy: label_smoothing is {label_smoothing}, but it is in [0, 1)")
        m, k = z.shape
        if y.ndim == 1:
            if y.dtype.kind not in "iu" or not (int(y.min()) >= 0 and int(y.max()) < k):
                raise EngineError(
                    f"cross_entropy: the targets are {y.dtype} from {y.min()} to {y.max()}, but z is {z.shape}: "
                    f"classes are whole numbers from 0 to {k - 1}"
                )
            q = xp.full(z.shape, label_smoothing / k, z.dtype)
            q[xp.arange(m), y] += 1 - label_smoothing
        else:
            q = (y * (1 - label_smoothing) + label_smoothing / k).astype(z.dtype)
        shifted = z - z.max(axis=1, keepdims=True)
        p = xp.exp(shifted)
        total = p.sum(axis=1, keepdims=True)
        p /= total
        log_p = shifted - xp.log(total)
        return -(q * log_p).sum() / m, (p, q)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        p, q = saved
        # The sum is 1 for probabilities; for targets that are none, the gradient stays exact.
        return (p * q.sum(axis=1, keepdims=True) - q) * (delta / len(p)).astype(p.dtype)


@op
class gaussian_kl:
    r"""Divergence of a diagonal Gaussian from the standard one: summed over the dimensions, the mean over the batch.

    Equation:
        C = \frac{1}{m} \sum_m \sum_j \tfrac{1}{2} \left(\mu_{mj}^2 + e^{2 s_{mj}} - 1 - 2 s_{mj}\right), \quad s = \ln \sigma
    Gradient:
        \partial C/\partial \mu = \frac{1}{m}\,\mu\,\delta
        \partial C/\partial s = \frac{1}{m} (e^{2 s} - 1)\,\delta
    Shapes:
        mu, log_sigma: (m, d) -> C: one number
    Source:
        Kingma and Welling (2014), arXiv:1312.6114, appendix B
    """

    def forward(xp: Any, mu: Any, log_sigma: Any) -> Any:
        _same("gaussian_kl", mu, log_sigma)
        variance = xp.exp(2 * log_sigma)
        return 0.5 * (mu * mu + variance - 1 - 2 * log_sigma).sum() / len(mu), (mu, variance)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        mu, variance = saved
        share = (delta / len(mu)).astype(mu.dtype)
        return mu * share, (variance - 1) * share

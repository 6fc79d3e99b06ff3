"""For each exercise: a right answer, and wrong ones as learners write them, each with words of its own explanation."""

from __future__ import annotations

from byhand.exercises import by_name

NP = "import numpy as np\n"
SIGMA = NP + "def sigma(z):\n    return 1 / (1 + np.exp(-z))\n"
SOFTMAX = NP + "def softmax(z):\n    e = np.exp(z - z.max(1, keepdims=True))\n    return e / e.sum(1, keepdims=True)\n"


def function(head: str, body: str, before: str = NP) -> str:
    """`def head:` with this body, lines separated by ; in it."""
    return before + f"def {head}:\n" + "".join(f"    {line.strip()}\n" for line in body.split(";"))


def several(head: str, right: str, *wrong: tuple[str, str], before: str = NP) -> tuple[str, list[tuple[str, str]]]:
    return function(head, right, before), [(function(head, body, before), words) for body, words in wrong]


BACKPROP = (
    "a1 = sigma(x @ w1.T + b1); a2 = sigma(a1 @ w2.T + b2); d2 = (a2 - y) * a2 * (1 - a2); d1 = (d2 @ w2) * a1 * (1 - a1); "
    "return d1.T @ x / len(x), d1.mean(0), d2.T @ a1 / len(x), d2.mean(0)"
)
ADAM = "m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2"
CONVOLVE = (
    "h, k = w.shape; z = np.array([[(x[i:i+h, j:j+k] * w).sum() + b for j in range(x.shape[1] - k + 1)] "
    "for i in range(x.shape[0] - h + 1)])"
)
MASKED = "n = len(q); s = q @ k.T / np.sqrt(q.shape[1])"

PERMUTED = "rng.permutation(len(data))"
DELTA1 = "    delta1 = (delta2 @ w2) * a1 * (1 - a1)\n"
W2 = "    w2 = w2 - eta * delta2.T @ a1 / m\n"


def start(name: str) -> str:
    """The code of a stub that is to be mended."""
    return by_name(name).start


ANSWERS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "neuron": (
        "z = 0.6\na = 0.646",
        [
            ("z = 1.0\na = 0.731", "the bias is forgotten"),
            ("z = 0.6\na = 0.6", "this is z itself"),
            ("z = 0.6\na = 0.354", "wrong sign"),
        ],
    ),
    "sigmoid": (
        SIGMA + "sigmoid = sigma\ndef sigmoid_slope(z):\n    return sigma(z) * (1 - sigma(z))",
        [
            (SIGMA + "sigmoid = sigma\ndef sigmoid_slope(z):\n    return z * (1 - z)", "put sigma(z) in place of z"),
            (SIGMA + "sigmoid = np.tanh\ndef sigmoid_slope(z):\n    return sigma(z) * (1 - sigma(z))", "this is tanh"),
        ],
    ),
    "layer": several(
        "weighted_input(a, w, b)",
        "return a @ w.T + b",
        ("return a @ w.T", "the bias is forgotten"),
        ("return w @ a.T + b[:, None]", "it is transposed"),
        ("return a @ w + b", "raises ValueError"),
    ),
    "quadratic-cost": several(
        "quadratic_cost(a, y)",
        "return ((a - y) ** 2).sum() / (2 * len(a))",
        ("return ((a - y) ** 2).sum() / 2", "summed over the batch, not averaged: m times too large"),
        ("return ((a - y) ** 2).sum() / len(a)", "the half is missing"),
        ("return ((a - y) ** 2).mean() / 2", "divide by m only"),
    ),
    "softmax": several(
        "softmax(z)",
        "e = np.exp(z - z.max(1, keepdims=True)); return e / e.sum(1, keepdims=True)",
        ("e = np.exp(z); return e / e.sum(1, keepdims=True)", "it overflows for large z"),
        ("e = np.exp(z - z.max()); return e / e.sum()", "each row must add up to 1 by itself"),
    ),
    "cross-entropy": several(
        "cross_entropy(p, y)",
        "return -np.log(p[np.arange(len(p)), y]).mean()",
        ("return -np.log2(p[np.arange(len(p)), y]).mean()", "bits"),
        ("return np.log(p[np.arange(len(p)), y]).mean()", "its sign is wrong"),
        ("return -np.log(p[np.arange(len(p)), y]).sum()", "m times too large"),
        ("return -np.log(p[:, y]).mean()", "all m x m pairs"),
    ),
    "softmax-gradient": several(
        "gradient(z, y)",
        "p = softmax(z); p[np.arange(len(z)), y] -= 1; return p / len(z)",
        ("p = softmax(z); p[np.arange(len(z)), y] -= 1; return p", "summed over the batch, not averaged"),
        ("p = softmax(z); p[np.arange(len(z)), y] -= 1; return -p / len(z)", "its sign is wrong"),
        ("return softmax(z)", "the true classes are not subtracted"),
        ("z[np.arange(len(z)), y] -= 1; return z", "changes its argument z in place"),
        before=SOFTMAX,
    ),
    "bp1": several(
        "output_error(z, a, y)",
        "return (a - y) * a * (1 - a)",
        ("return a - y", "your delta lacks sigma'(z): it equals the right one divided by sigma'(z)"),
        ("return (y - a) * a * (1 - a)", "the sign is wrong"),
        ("return ((a - y) * a * (1 - a)).T", "it is transposed"),
        ("return (a - y) * sigma(a) * (1 - sigma(a))", "sigma' is taken at a instead of z"),
        before=SIGMA,
    ),
    "bp2": several(
        "hidden_error(delta_next, w_next, z)",
        "return (delta_next @ w_next) * sigma(z) * (1 - sigma(z))",
        ("return delta_next @ w_next", "your delta lacks sigma'(z)"),
        ("return (delta_next @ w_next.T) * sigma(z) * (1 - sigma(z))", "the weights are transposed"),
        ("return (delta_next @ w_next) * sigma(z)", "not by its slope"),
        before=SIGMA,
    ),
    "bp3": several(
        "bias_gradient(delta)",
        "return delta.mean(axis=0)",
        ("return delta.sum(axis=0)", "summed over the batch, not averaged: m times too large"),
        ("return delta.mean(axis=1)", "the samples are the rows"),
        ("return delta.mean()", "each bias has its own gradient"),
    ),
    "bp4": several(
        "weight_gradient(delta, a)",
        "return delta.T @ a / len(a)",
        ("return delta.T @ a", "summed over the batch, not averaged: m times too large"),
        ("return a.T @ delta / len(a)", "it is transposed"),
    ),
    "forward": several(
        "forward(x, w1, b1, w2, b2)",
        "return sigma(sigma(x @ w1.T + b1) @ w2.T + b2)",
        ("return sigma((x @ w1.T + b1) @ w2.T + b2)", "sigma of the hidden layer is missing"),
        ("return sigma(x @ w1.T + b1) @ w2.T + b2", "sigma of the last layer is missing"),
        ("return sigma(sigma(x @ w1.T) @ w2.T)", "both biases are forgotten"),
        before=SIGMA,
    ),
    "backprop": several(
        "gradients(x, y, w1, b1, w2, b2)",
        BACKPROP,
        (BACKPROP.replace("(a2 - y) * a2 * (1 - a2)", "(a2 - y)"), "sigma'(z) of the output layer is missing (BP1)"),
        (BACKPROP.replace("(d2 @ w2) * a1 * (1 - a1)", "d2 @ w2"), "sigma'(z) of the hidden layer is missing (BP2)"),
        (BACKPROP.replace("d2.T @ a1 / len(x)", "d2.T @ a1"), "dw2: it is summed over the batch, not averaged"),
        (BACKPROP.replace("d1.T @ x / len(x)", "x.T @ d1 / len(x)"), "dw1: it is transposed"),
        before=SIGMA,
    ),
    "gradient-check": several(
        "slope(cost, w, h=1e-5)",
        "return (cost(w + h) - cost(w - h)) / (2 * h)",
        ("return (cost(w + h) - cost(w - h)) / h", "the two places are 2h apart"),
        ("return (cost(w + h) - cost(w)) / h", "it is one-sided, and errs by h"),
    ),
    "mean-or-sum": several(
        "step(w, g, eta)",
        "return w - eta * g.mean(axis=0)",
        ("return w - eta * g.sum(axis=0)", "summed over the batch, not averaged"),
        ("return w + eta * g.mean(axis=0)", "this climbs"),
        ("w -= eta * g.mean(axis=0); return w", "changes its argument w in place"),
    ),
    "momentum": several(
        "step(w, g, v, eta, mu)",
        "v = mu * v + g; return w - eta * v, v",
        ("return w - eta * v, mu * v + g", "the old velocity is used"),
        ("v = mu * v - eta * g; return w + v, v", "v_new: "),
        ("v = mu * v + (1 - mu) * g; return w - eta * v, v", "weighed by 1 - mu"),
        ("return w - eta * (mu * v + g)", "must return 2 results"),
    ),
    "adam": several(
        "step(w, g, m, v, t, eta, beta1=0.9, beta2=0.999, eps=1e-8)",
        ADAM + "; m, v = m / (1 - beta1**t), v / (1 - beta2**t); return w - eta * m / (np.sqrt(v) + eps)",
        (ADAM + "; return w - eta * m / (np.sqrt(v) + eps)", "the bias correction is missing"),
        (ADAM + "; m, v = m / (1 - beta1**t), v / (1 - beta2**t); return w - eta * m / (v + eps)", "the root is missing"),
    ),
    "dropout": several(
        "dropout(a, kept, p)",
        "return a * kept / (1 - p)",
        ("return a * kept", "the scale is missing"),
        ("return a * kept / p", "it is divided by p"),
    ),
    "batch-norm": several(
        "batch_norm(x, gamma, beta, eps=1e-5)",
        "return gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + eps) + beta",
        ("return gamma * (x - x.mean(0)) / (x.var(0) + eps) + beta", "divide by the standard deviation"),
        ("return gamma * (x - x.mean(0)) / np.sqrt(x.var(0, ddof=1) + eps) + beta", "divided by m - 1"),
        ("u = x.T; return (gamma[:, None] * (u - u.mean(0)) / np.sqrt(u.var(0) + eps) + beta[:, None]).T", "which is layer norm"),
    ),
    "weight-decay": several(
        "decayed(w, g, l2)",
        "return g + l2 * w",
        ("return g - l2 * w", "pushes the weights away from 0"),
        ("return g + 2 * l2 * w", "factor 2 too much"),
    ),
    "convolution": several(
        "convolve(x, w, b)",
        CONVOLVE + "; return z",
        (CONVOLVE.replace("* w", "* w[::-1, ::-1]") + "; return z", "the filter is turned around"),
        (CONVOLVE.replace(" + b", "") + "; return z", "the bias is forgotten"),
        (CONVOLVE + "; return z[:-1, :-1]", "the last row and the last column are missing"),
    ),
    "max-pool": several(
        "max_pool(x)",
        "h, w = x.shape; return x.reshape(h // 2, 2, w // 2, 2).max(axis=(1, 3))",
        ("h, w = x.shape; return x.reshape(h // 2, 2, w // 2, 2).mean(axis=(1, 3))", "it is the mean of each block"),
        ("return np.maximum(np.maximum(x[:-1, :-1], x[1:, :-1]), np.maximum(x[:-1, 1:], x[1:, 1:]))", "the blocks overlap"),
    ),
    "output-size": several(
        "output_size(n, k, p, s)",
        "return (n + 2 * p - k) // s + 1",
        ("return (n + 2 * p - k) // s", "the + 1 is missing"),
        ("return (n + p - k) // s + 1", "the padding is at both ends"),
    ),
    "reparameterise": several(
        "draw(mu, log_sigma, eps)",
        "return mu + eps * np.exp(log_sigma)",
        ("return mu + eps * log_sigma", "the logarithm is not undone"),
        ("return mu + eps * np.exp(log_sigma / 2)", "taken for the logarithm of the variance"),
    ),
    "kl": several(
        "kl(mu, log_sigma)",
        "return 0.5 * (mu**2 + np.exp(2 * log_sigma) - 1 - 2 * log_sigma).sum() / len(mu)",
        ("return 0.5 * (mu**2 + np.exp(2 * log_sigma) - 1 - 2 * log_sigma).mean()", "sum over them"),
        ("return 0.5 * (mu**2 + np.exp(2 * log_sigma) - 1 - 2 * log_sigma).sum()", "summed over the batch, not averaged"),
        ("return -0.5 * (mu**2 + np.exp(2 * log_sigma) - 1 - 2 * log_sigma).sum() / len(mu)", "its sign is wrong"),
    ),
    "ddpm": several(
        "noised(x0, eps, betas, t)",
        "a = np.prod(1 - betas[:t]); return np.sqrt(a) * x0 + np.sqrt(1 - a) * eps",
        ("a = np.prod(1 - betas[:t]); return np.sqrt(a) * x0 + (1 - a) * eps", "the noise's root is missing"),
        ("a = np.prod(1 - betas[:t + 1]); return np.sqrt(a) * x0 + np.sqrt(1 - a) * eps", "one product too many"),
        ("a = 1 - betas[t - 1]; return np.sqrt(a) * x0 + np.sqrt(1 - a) * eps", "multiply all of them up to t"),
    ),
    "attention": several(
        "attention(q, k, v)",
        "return softmax(q @ k.T / np.sqrt(q.shape[1])) @ v",
        ("return softmax(q @ k.T) @ v", "the scale is missing"),
        ("return softmax(q @ k.T / q.shape[1]) @ v", "the root is missing"),
        ("return softmax((q @ k.T / np.sqrt(q.shape[1])).T).T @ v", "softmax runs along the questions"),
        before=SOFTMAX,
    ),
    "causal-attention": several(
        "causal_attention(q, k, v)",
        MASKED + "; s[np.triu(np.ones((n, n), bool), 1)] = -np.inf; return softmax(s) @ v",
        (MASKED + "; return softmax(s) @ v", "positions look ahead"),
        (MASKED + "; return np.tril(softmax(s)) @ v", "the mask comes after softmax"),
        (MASKED + "; return softmax(np.tril(s)) @ v", "0, not -inf"),
        before=SOFTMAX,
    ),
    "bug-sum": (
        start("bug-sum").replace("        self.gradient *= len(x)\n", ""),
        [
            (start("bug-sum"), "the gradient is a sum over the batch, not a mean"),
            (start("bug-sum").replace("*=", "/="), "0.125 times the slope of the cost"),
            (start("bug-sum").replace("(2, 16, 2)", "(2, 64, 2)"), "must keep its units per layer"),
        ],
    ),
    "bug-labels": (
        start("bug-labels")
        .replace(PERMUTED, "order")
        .replace("rng =", "order =")
        .replace("(seed)\n", "(seed).permutation(len(data))\n", 1),
        [
            (start("bug-labels"), "the labels have nothing to do with the inputs"),
            (start("bug-labels").replace("len(data))]", "20)]"), "must keep all 120 samples, got 20"),
            (start("bug-labels").replace("epochs=100", "epochs=900"), "must keep its 100 epochs, got 900"),
        ],
    ),
    "bug-rate": (
        start("bug-rate").replace("0.0001", "0.5"),
        [
            (start("bug-rate"), "the learning rate is too low"),
            (start("bug-rate").replace("0.0001", "500"), "the learning rate is too high"),
            (start("bug-rate").replace("return", "# return"), "must return a byhand.Patient"),
        ],
    ),
    "bug-zero": (
        start("bug-zero").replace("    net.parameters[...] = 0.0\n", ""),
        [
            (start("bug-zero"), "weights are zero, and no gradient gets through them"),
            (start("bug-zero").replace("= 0.0", "= 1.0"), "units are copies of each other and stay so"),
        ],
    ),
    "bug-numpy": (
        start("bug-numpy").replace(DELTA1, "").replace(W2, DELTA1 + W2),
        [
            (start("bug-numpy"), "compute delta1 with the w2 of before"),
            (
                start("bug-numpy").replace(DELTA1, "").replace(W2, DELTA1.replace(" * a1 * (1 - a1)", "") + W2),
                "missing in delta1",
            ),
            (start("bug-numpy").replace(DELTA1, "").replace(W2, DELTA1 + W2).replace("- eta", "+ eta"), "this climbs"),
        ],
    ),
}

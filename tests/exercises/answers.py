"""For each exercise: a right answer, and wrong ones as learners write them, each with words of its own explanation."""

from __future__ import annotations

NP = "import numpy as np\n"
SIGMA = NP + "def sigma(z):\n    return 1 / (1 + np.exp(-z))\n"
SOFTMAX = NP + "def softmax(z):\n    e = np.exp(z - z.max(1, keepdims=True))\n    return e / e.sum(1, keepdims=True)\n"


def function(head: str, body: str, before: str = NP) -> str:
    """`def head:` with this body, lines separated by ; in it."""
    return before + f"def {head}:\n" + "".join(f"    {line.strip()}\n" for line in body.split(";"))


def several(head: str, right: str, *wrong: tuple[str, str], before: str = NP) -> tuple[str, list[tuple[str, str]]]:
    return function(head, right, before), [(function(head, body, before), words) for body, words in wrong]


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
}

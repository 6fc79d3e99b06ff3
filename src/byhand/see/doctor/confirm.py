"""How to see that a change helped: what to measure again, and what it should be then."""

from __future__ import annotations

from byhand.see.doctor.finding import Finding

AGAIN = "run `byhand doctor` again"

CONFIRM: dict[str, str] = {
    **dict.fromkeys(
        ("gradient-sum", "cost-sum", "gradient-scale", "gradient-missing", "gradient-wrong", "gradient-accumulates"),
        f"{AGAIN}: with --checks, the gradient's worst relative error is below 1e-4 then",
    ),
    **dict.fromkeys(
        ("labels-wrong", "label-noise", "batch-mismatch"),
        f"{AGAIN}: with --checks, nearest neighbours agree with far more labels than chance, and few are against",
    ),
    **dict.fromkeys(
        ("inputs-not-normalised", "inputs-normalised-twice", "inputs-constant", "data-range"),
        f"{AGAIN}: with --checks, the inputs' deviation is about 1, or about 0.3 for pixels in [0, 1]",
    ),
    "not-shuffled": f"{AGAIN}: with --checks, neighbours share their class as often as chance has it",
    **dict.fromkeys(
        (
            "rate-too-high",
            "rate-too-low",
            "rate-falls-too-soon",
            "weight-decay-too-strong",
            "dropout-too-strong",
            "clip-too-tight",
        ),
        "train both to the end with three seeds: the changed one reads more held-out samples right with each",
    ),
    **dict.fromkeys(
        ("clip-too-tight", "too-few-epochs", "too-few-units", "batch-too-large", "batch-too-small", "augmentation-too-strong"),
        "train both to the end with three seeds: the changed one reads more held-out samples right with each",
    ),
    "overfitting": "train again and stop there: the held-out cost at the end is the lowest of the run",
    **dict.fromkeys(
        ("symmetric-units", "zero-weights", "init-too-large", "init-too-small", "vanishing-gradient"),
        f"{AGAIN}: with --checks, the cost begins at what chance costs, and falls within some hundred steps",
    ),
    **dict.fromkeys(
        ("random-evaluation", "batch-leak", "evaluation-differs"),
        "ask twice for the same sample, alone and among others: the answers are the same number for number",
    ),
    **dict.fromkeys(
        ("kl-sign", "kl-weight"), f"{AGAIN}: with --checks, the cost is the reconstruction and beta times the divergence"
    ),
    "latent-unused": "byhand eval: the divergence by dimension is above 0.01 nats in several dimensions",
}


def confirmed(finding: Finding) -> str:
    """How to see that the finding's change helped."""
    return CONFIRM.get(finding.fault, AGAIN) if finding.confirm == AGAIN else finding.confirm

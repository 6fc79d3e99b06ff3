"""The seeded faults of feed-forward networks: data, loop, gradient, beginning, settings."""

from __future__ import annotations

from typing import Any

from broken_feedforward import (
    Accumulating,
    AlwaysDropping,
    Misreporting,
    NormalisedLater,
    SumCost,
    SumForMean,
    down,
    initialised,
    same,
    times,
    wrong,
    zero,
)
from fault import ANY, DATA, RATE, Fault, fault, of
from loops import Apart, Frozen, HalvedEachStep, Sorted, Uphill, blank
from spoiled import constant, leaked, multiplied, relabelled, renumbered, rolled, transposed, widened, without_class
from subjects import digits, flowers, mlp, moons, relu

from byhand.see.doctor import Patient


def unvalidated(patient: Patient) -> Patient:
    """Without validation data: it is trained to its end, as nothing says when to stop."""
    patient.validation = None
    return patient


def square(seed: int, **given: Any) -> Patient:
    return mlp(seed, hidden=(30, 30), epochs=15, **given)


def deep(seed: int, **given: Any) -> Patient:
    return mlp(seed, hidden=(30,) * 8, initialiser="glorot", **given)


FEEDFORWARD: list[Fault] = [
    # feed-forward: data
    fault("mlp: labels drawn at random", "labels-wrong", DATA, "label", lambda s: mlp(s, relabelled(digits(), 1.0)), mlp),
    fault("mlp: labels of the next sample", "labels-wrong", DATA, "label", lambda s: mlp(s, rolled(digits())), mlp),
    fault("mlp: 40 % of labels wrong", "label-noise", DATA, "label", lambda s: mlp(s, relabelled(digits(), 0.4)), mlp),
    fault(
        "relu: 30 % of labels wrong",
        "label-noise",
        DATA,
        "label",
        lambda s: relu(s, relabelled(digits(), 0.3), epochs=25),
        of(relu, epochs=25),
    ),
    fault("mlp: pixels 0 to 255", "inputs-not-normalised", DATA, "255|divide", lambda s: mlp(s, multiplied(digits(), 255)), mlp),
    fault(
        "relu: pixels 0 to 255",
        "inputs-not-normalised",
        DATA,
        "255|divide",
        lambda s: relu(s, multiplied(digits(), 255), optimizer="sgd", lr=0.05),
        of(relu, optimizer="sgd", lr=0.05),
    ),
    fault(
        "mlp: divided by 255 twice", "inputs-normalised-twice", DATA, "once", lambda s: mlp(s, multiplied(digits(), 1 / 255)), mlp
    ),
    fault(
        "iris: one measurement in thousandths",
        "inputs-not-normalised",
        DATA,
        "deviation|divide",
        lambda s: mlp(s, widened(flowers()), hidden=(8,), epochs=60),
        lambda s: mlp(s, flowers(), hidden=(8,), epochs=60),
    ),
    fault(
        "mlp: test pixels 0 to 255",
        "test-data-differ",
        DATA,
        "same",
        lambda s: relu(s, multiplied(digits(), 1 / 20, ("validation", "test"))),
        relu,
    ),
    fault(
        "mlp: test images transposed", "test-data-differ", DATA, "transposed|same", lambda s: mlp(s, transposed(digits())), mlp
    ),
    fault("mlp: inputs constant", "inputs-constant", DATA, "input", lambda s: mlp(s, constant(digits())), mlp),
    fault(
        "relu: validation leaked into training",
        "leakage",
        DATA,
        "split|duplicate",
        lambda s: relu(s, leaked(digits())),
        lambda s: relu(s, digits(800)),
        "overstates",
    ),
    fault("mlp: a class is missing", "class-missing", DATA, "class|split", lambda s: mlp(s, without_class(digits(), 7)), mlp),
    # feed-forward: the loop
    fault("mlp: sorted by class", "not-shuffled", "batch", "shuffle", of(mlp, loop=Sorted), mlp),
    fault("relu: sorted by class", "not-shuffled", "batch", "shuffle", of(relu, loop=Sorted), relu),
    fault("mlp: inputs and targets shuffled apart", "batch-mismatch", "batch", "indices|same", of(mlp, loop=Apart), mlp),
    fault(
        "mlp: the last layer not in the optimiser",
        "parameters-frozen",
        "layers.1",
        "optimiser|parameters",
        of(mlp, optimizer=Frozen),
        mlp,
    ),
    fault("mlp: uphill", "step-uphill|not-learning", ANY, "sign|-", of(mlp, optimizer=Uphill), mlp),
    # feed-forward: the gradient
    fault(
        "mlp: gradient summed",
        "gradient-sum",
        ANY,
        "batch",
        of(mlp, cls=SumForMean, batch_size=100, lr=3.0, epochs=40),
        of(mlp, batch_size=100, lr=3.0, epochs=40),
    ),
    fault(
        "relu: gradient summed, SGD",
        "gradient-sum",
        ANY,
        "batch",
        of(relu, cls=SumForMean, optimizer="sgd", lr=0.1),
        of(relu, optimizer="sgd", lr=0.1),
    ),
    fault(
        "mlp: cost and gradient summed",
        "cost-sum",
        ANY,
        "batch",
        of(mlp, cls=SumCost, batch_size=100, lr=3.0, epochs=40),
        of(mlp, batch_size=100, lr=3.0, epochs=40),
    ),
    fault("mlp: gradient accumulates", "gradient-accumulates", ANY, "0", of(mlp, cls=Accumulating), mlp),
    fault("mlp: sigma' of a for sigma' of z", "gradient-wrong", "layers.0", "sigma", of(mlp, cls=wrong("sigma' of a")), mlp),
    fault(
        "square: hidden errors with the wrong sign",
        "gradient-wrong",
        "layers.0|layers.1",
        "sign|sigma",
        of(square, cls=wrong("sign")),
        square,
    ),
    fault(
        "mlp: first gradient missing",
        "gradient-missing|gradient-wrong|parameters-frozen",
        "layers.0",
        "gradient",
        of(mlp, cls=wrong("missing")),
        mlp,
    ),
    fault(
        "mlp: = for +=",
        "gradient-wrong|gradient-scale",
        ANY,
        "gradient|+=",
        of(mlp, cls=wrong("overwritten"), batch_size=32, lr=3.0, epochs=4),
        of(mlp, batch_size=32, lr=3.0, epochs=4),
    ),
    fault(
        "mlp: output error with the wrong sign",
        "step-uphill|gradient-wrong",
        ANY,
        "sign|cost",
        of(mlp, cls=wrong("output sign")),
        mlp,
    ),
    # feed-forward: the beginning
    fault(
        "square: all weights zero", "zero-weights|symmetric-units", "layers", "draw", of(square, cls=initialised(zero)), square
    ),
    fault("mlp: all weights equal", "symmetric-units", "layers", "random|draw", of(mlp, cls=initialised(same)), mlp),
    fault(
        "mlp: weights 100 times too large",
        "init-too-large|saturation",
        "layers",
        "weights|initialiser",
        of(mlp, cls=initialised(times(100))),
        mlp,
    ),
    fault(
        "relu: weights 30 times too large", "init-too-large", "layers", "initialiser", of(relu, cls=initialised(times(30))), relu
    ),
    fault(
        "relu: weights 1,000 times too small",
        "init-too-small",
        "layers",
        "initialiser",
        of(relu, cls=initialised(times(1e-3)), optimizer="sgd", lr=0.05),
        of(relu, optimizer="sgd", lr=0.05),
    ),
    fault(
        "relu: units dead from the start",
        "dead-units",
        "layers",
        "bias",
        of(relu, cls=initialised(down), optimizer="sgd", lr=0.05),
        of(relu, optimizer="sgd", lr=0.05),
    ),
    fault("deep: eight sigmoid layers", "vanishing-gradient", "layers", "relu", of(deep), mlp),
    fault(
        "moons: no nonlinearity",
        "no-nonlinearity",
        "hidden|layers",
        "activation",
        lambda s: relu(s, moons(), hidden=(16, 16), activation="identity", lr=0.01),
        lambda s: relu(s, moons(), hidden=(16, 16), lr=0.01),
    ),
    # feed-forward: settings
    fault("mlp: rate 100", "rate-too-high|saturation", RATE + "|layers", "rate", of(mlp, lr=100.0), mlp),
    fault(
        "relu: rate 100 times too high", "rate-too-high|dead-units|non-finite", RATE + "|layers", "rate", of(relu, lr=0.2), relu
    ),
    fault(
        "relu: SGD rate 5",
        "rate-too-high|dead-units|non-finite",
        RATE + "|layers",
        "rate",
        of(relu, optimizer="sgd", lr=5.0),
        of(relu, optimizer="sgd", lr=0.05),
    ),
    fault("mlp: rate 1,000 times too low", "rate-too-low", RATE, "rate", of(mlp, lr=0.0005), mlp),
    fault("relu: rate 300 times too low", "rate-too-low", RATE, "rate", of(relu, lr=7e-6), relu),
    fault(
        "moons: rate too low",
        "rate-too-low",
        RATE,
        "rate",
        lambda s: relu(s, moons(), hidden=(16, 16), lr=1e-5),
        lambda s: relu(s, moons(), hidden=(16, 16), lr=0.01),
    ),
    fault("mlp: one epoch", "too-few-epochs", "epochs", "epochs", of(mlp, epochs=1, lr=0.1), of(mlp, lr=0.1)),
    fault(
        "relu: batches of 2,000",
        "batch-too-large|too-few-epochs",
        "batch|epochs",
        "batch|epochs",
        of(relu, batch_size=2_000),
        relu,
    ),
    fault("mlp: two hidden units", "too-few-units", "hidden", "units", of(mlp, hidden=(2,)), mlp),
    fault(
        "moons: one hidden unit",
        "too-few-units",
        "hidden",
        "units",
        lambda s: relu(s, moons(), hidden=(1,), lr=0.01, activation="tanh", epochs=40),
        lambda s: relu(s, moons(), hidden=(16,), lr=0.01, activation="tanh", epochs=40),
    ),
    fault("mlp: weight decay 0.3", "weight-decay-too-strong", "weight decay", "decay", of(mlp, l2=0.3), mlp),
    fault(
        "relu: weight decay 1, AdamW",
        "weight-decay-too-strong",
        "weight decay",
        "decay",
        of(relu, optimizer="adamw", weight_decay=20.0),
        relu,
    ),
    fault("relu: dropout 0.95", "dropout-too-strong", "dropout", "dropout", of(relu, dropout=0.95), relu),
    fault(
        "relu: clipped to 0.0001",
        "clip-too-tight",
        "clip",
        "clip",
        of(relu, optimizer="sgd", lr=0.05, clip=1e-3),
        of(relu, optimizer="sgd", lr=0.05),
    ),
    fault(
        "relu: learned by heart",
        "overfitting",
        "training|run",
        "stop|early",
        lambda s: relu(s, digits(150), hidden=(256, 128), epochs=400, lr=0.005),
        lambda s: relu(s, digits(150), hidden=(256, 128), epochs=12),
        "cost",
    ),
    fault(
        "mlp: accuracy reported too high", "accuracy-wrong", "evaluation", "count", of(mlp, cls=Misreporting), mlp, "overstates"
    ),
    fault(
        "relu: no validation, so nobody sees when to stop",
        "no-validation|overfitting",
        DATA + "|training",
        "hold out|stop",
        lambda s: unvalidated(relu(s, digits(400), lr=0.005, epochs=80)),
        lambda s: relu(s, digits(400), lr=0.005, epochs=80),
        "stopped",
    ),
    fault(
        "relu: dropout on in evaluation",
        "random-evaluation",
        "evaluation",
        "dropout",
        of(relu, cls=AlwaysDropping, dropout=0.5),
        of(relu, dropout=0.5),
    ),
    fault(
        "mlp: quadratic cost at the rate for cross-entropy",
        "wrong-cost|rate-too-low|too-few-epochs",
        "cost|" + RATE + "|epochs",
        "cross|rate|epochs",
        of(mlp, cost="quadratic", lr=0.1, epochs=8),
        of(mlp, lr=0.1, epochs=8),
    ),
    fault(
        "relu: classes numbered otherwise in the test data",
        "test-data-differ",
        DATA,
        "label|class",
        lambda s: relu(s, renumbered(digits())),
        relu,
    ),
    fault(
        "relu: normalised in evaluation only",
        "evaluation-differs",
        "evaluation|forward|training",
        "same",
        of(relu, cls=NormalisedLater),
        relu,
    ),
    fault(
        "mlp: the rate falls in every step",
        "rate-falls-too-soon|rate-too-low",
        "schedule|" + RATE,
        "rate|schedule",
        of(mlp, loop=HalvedEachStep),
        mlp,
    ),
    fault(
        "relu: batches of 1 at the rate for 32",
        "batch-too-small|rate-too-high|dead-units",
        "batch|layers|" + RATE,
        "batch|rate",
        of(relu, batch_size=1, optimizer="sgd", lr=0.3, epochs=4),
        of(relu, batch_size=32, optimizer="sgd", lr=0.3, epochs=4),
    ),
    fault(
        "relu: momentum 0.99 at the rate for none",
        "rate-too-high|dead-units|non-finite",
        RATE + "|layers",
        "rate|momentum",
        of(relu, optimizer="sgd", lr=0.1, momentum=0.99),
        of(relu, optimizer="sgd", lr=0.1),
    ),
    fault("mlp: L1 of 0.05", "weight-decay-too-strong", "weight decay", "decay", of(mlp, l1=0.05), mlp),
    fault(
        "relu: augmentation that leaves nothing",
        "augmentation-too-strong",
        "augmentation",
        "augmentation",
        of(relu, augment=blank),
        relu,
    ),
]

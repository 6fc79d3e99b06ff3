"""Every fault that the doctor knows, a row for each: what it is called, how to see that its change helped, where to look for it.

The order is that of causes: what stands first brings about what stands below it, so of several findings the first is the one to
mend first. A new fault is a row here, and the probe that finds it.
"""

from __future__ import annotations

from dataclasses import dataclass

AGAIN = "run `byhand doctor` again"
INPUTS_FIT = f"{AGAIN}: with --checks, the inputs' deviation is about 1, or about 0.3 for pixels in [0, 1]"
NEIGHBOURS_AGREE = f"{AGAIN}: with --checks, nearest neighbours agree with far more labels than chance, and few are against"
GRADIENT_FITS = f"{AGAIN}: with --checks, the gradient's worst relative error is below 1e-4 then"
ASK_TWICE = "ask twice for the same sample, alone and among others: the answers are the same number for number"
COST_ADDS_UP = f"{AGAIN}: with --checks, the cost is the reconstruction and beta times the divergence"
COST_FALLS = f"{AGAIN}: with --checks, the cost begins at what chance costs, and falls within some hundred steps"
TRAIN_BOTH = "train both to the end with three seeds: the changed one reads more held-out samples right with each"

# The methods that a fault of the gradient, of the evaluation or of the order of samples is looked for in.
GRADIENT = ("learn", "_backward", "_loss", "loss", "_cost")
EVALUATION = ("evaluate", "forward", "_weighted", "_last_layer", "predict", "learn")
LOOP = ("__next__", "upcoming", "_begin_epoch")


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        name: by which findings, benchmarks and pages know it. title: what it is called in words.
        confirm: how to see that a change helped.
        code: whose methods ("model", "training" or "optimizer"), and which, it is looked for in; None where no line is to blame.
        setting: the setting of a training that it is about; "" for none.
        symptom: whether a setting may be the cause of it, so that the training is put on trial all the same.
    """

    name: str
    title: str
    confirm: str = AGAIN
    code: tuple[str, tuple[str, ...]] | None = None
    setting: str = ""
    symptom: bool = False


_ALL = (
    Fault("inputs-constant", "the inputs say nothing", confirm=INPUTS_FIT),
    Fault("inputs-unused", "the network does not use some of its inputs"),
    Fault("targets-do-not-fit", "the targets are not what the network is asked for"),
    Fault("labels-wrong", "the labels have nothing to do with the inputs", confirm=NEIGHBOURS_AGREE),
    Fault("label-noise", "many labels are wrong", confirm=NEIGHBOURS_AGREE),
    Fault("inputs-not-normalised", "the inputs are not normalised", confirm=INPUTS_FIT),
    Fault("inputs-normalised-twice", "the inputs are normalised twice", confirm=INPUTS_FIT),
    Fault("test-data-differ", "the test data are prepared in another way than the training data"),
    Fault("leakage", "test data are in the training data"),
    Fault("class-missing", "a class is missing from the training data"),
    Fault("data-range", "the data are not in the range that diffusion assumes", confirm=INPUTS_FIT, code=("model", ("scaled",))),
    Fault(
        "batch-mismatch", "the batches pair inputs with the labels of others", confirm=NEIGHBOURS_AGREE, code=("training", LOOP)
    ),
    Fault(
        "not-shuffled",
        "the samples come sorted by class",
        confirm=f"{AGAIN}: with --checks, neighbours share their class as often as chance has it",
        code=("training", LOOP),
    ),
    Fault("gradient-sum", "the gradient is a sum over the batch, not a mean", confirm=GRADIENT_FITS, code=("model", GRADIENT)),
    Fault("cost-sum", "cost and gradient are sums over the batch, not means", confirm=GRADIENT_FITS, code=("model", GRADIENT)),
    Fault("gradient-scale", "the gradient has the wrong size", confirm=GRADIENT_FITS, code=("model", GRADIENT)),
    Fault("gradient-missing", "a gradient is not computed", confirm=GRADIENT_FITS, code=("model", GRADIENT)),
    Fault("gradient-wrong", "a gradient is wrong", confirm=GRADIENT_FITS, code=("model", GRADIENT)),
    Fault(
        "gradient-accumulates",
        "the gradient of one batch is added to that of the last",
        confirm=GRADIENT_FITS,
        code=("model", GRADIENT),
    ),
    Fault("step-uphill", "the step goes uphill", code=("optimizer", ("step", "_change"))),
    Fault("parameters-frozen", "parameters never change", code=("optimizer", ("step", "_change"))),
    Fault("step-size-wrong", "the step is not the rate times the gradient", code=("optimizer", ("step", "_change"))),
    Fault("answer-seen", "the network sees the answer that it is asked for"),
    Fault("softmax-twice", "softmax is applied twice"),
    Fault(
        "wrong-cost",
        "the cost is not the one for these outputs",
        code=("model", ("_cost", "loss", "evaluate", "learn")),
        setting="cost",
    ),
    Fault(
        "output-activation",
        "the last layer's activation cannot give what is asked for",
        code=("model", ("forward", "__init__")),
        setting="output activation",
    ),
    Fault("accuracy-wrong", "the accuracy that is reported is not that of the outputs", code=("model", ("evaluate",))),
    Fault(
        "random-evaluation",
        "the network is random in evaluation: dropout or noise is still on",
        confirm=ASK_TWICE,
        code=("model", EVALUATION),
    ),
    Fault(
        "batch-leak", "the answer to a sample depends on the others in its batch", confirm=ASK_TWICE, code=("model", EVALUATION)
    ),
    Fault(
        "evaluation-differs",
        "the network in evaluation is not the one that was trained",
        confirm=ASK_TWICE,
        code=("model", EVALUATION),
    ),
    Fault("kl-sign", "the divergence has the wrong sign", confirm=COST_ADDS_UP, code=("model", GRADIENT)),
    Fault(
        "kl-weight",
        "the divergence has the wrong weight beside the reconstruction",
        confirm=COST_ADDS_UP,
        code=("model", GRADIENT),
    ),
    Fault("code-not-drawn", "the code is not drawn from the Gaussian that the encoder gives", code=("model", GRADIENT)),
    Fault("schedule-end", "the noise schedule ends before all is noise"),
    Fault("time-wrong", "the network is told another time than the noise has", code=("model", ("draw", "_loss", "loss"))),
    Fault("time-ignored", "the network does not know the time", code=("model", ("draw", "_loss", "loss"))),
    Fault("noise-wrong", "the noise is not the one that the schedule says", code=("model", ("draw", "_loss", "learn"))),
    Fault("noise-reused", "the same noise is drawn again and again", code=("model", ("draw", "_loss", "learn"))),
    Fault("condition-ignored", "the network does not know the label", code=("model", ("draw", "_loss", "loss"))),
    Fault("target-wrong", "the network is taught another answer than the sampler reads"),
    Fault("sampler-variance", "the sampler's noise has the wrong size", code=("model", ("sampler",))),
    Fault("symmetric-units", "units are copies of each other and stay so", confirm=COST_FALLS, code=("model", ("__init__",))),
    Fault(
        "zero-weights", "weights are zero, and no gradient gets through them", confirm=COST_FALLS, code=("model", ("__init__",))
    ),
    Fault("init-too-large", "the weights begin too large", confirm=COST_FALLS, code=("model", ("__init__",))),
    Fault("init-too-small", "the weights begin too small", confirm=COST_FALLS, code=("model", ("__init__",))),
    Fault("no-nonlinearity", "the network is one straight line: its layers have no nonlinearity between them"),
    Fault("non-finite", "the numbers stop being finite"),
    Fault("vanishing-gradient", "the gradient vanishes on its way to the first layers", confirm=COST_FALLS),
    Fault("rate-too-high", "the learning rate is too high", confirm=TRAIN_BOTH, setting="learning rate"),
    Fault("rate-too-low", "the learning rate is too low", confirm=TRAIN_BOTH, setting="learning rate"),
    Fault("weight-decay-too-strong", "the weight decay is too strong", confirm=TRAIN_BOTH, setting="weight decay"),
    Fault("dropout-too-strong", "dropout or noise leaves too little", confirm=TRAIN_BOTH, setting="dropout"),
    Fault("clip-too-tight", "the gradient is clipped too short", confirm=TRAIN_BOTH, setting="clip"),
    Fault(
        "rate-falls-too-soon",
        "the schedule takes the learning rate away too soon",
        confirm=TRAIN_BOTH,
        code=("training", ("__init__", *LOOP)),
        setting="schedule of the learning rate",
    ),
    Fault("augmentation-too-strong", "augmentation leaves too little of the samples", confirm=TRAIN_BOTH, setting="augmentation"),
    Fault("too-few-epochs", "the training ends too early", confirm=TRAIN_BOTH, setting="epochs"),
    Fault("batch-too-large", "the batches are too large: there are too few steps", confirm=TRAIN_BOTH, setting="batch size"),
    Fault(
        "batch-too-small", "the batches are too small: their gradients are mostly noise", confirm=TRAIN_BOTH, setting="batch size"
    ),
    Fault("too-few-units", "the network is too small", confirm=TRAIN_BOTH, setting="hidden layers"),
    Fault(
        "dead-units",
        "units are dead: they answer 0 to every sample, and nothing can change that",
        setting="weights",
        symptom=True,
    ),
    Fault(
        "saturation",
        "units are saturated: they answer the same to every sample, and their gradient is next to 0",
        setting="weights",
        symptom=True,
    ),
    Fault(
        "overfitting",
        "the network learns its training data by heart",
        confirm="train again and stop there: the held-out cost at the end is the lowest of the run",
    ),
    Fault(
        "latent-unused",
        "the code is not used",
        confirm="byhand eval: the divergence by dimension is above 0.01 nats in several dimensions",
    ),
    Fault("metric-contradicts", "the cost falls, but the accuracy does not follow"),
    Fault("not-learning", "the network does not learn"),
    Fault("no-validation", "there is no validation set", symptom=True),
)
FAULTS = {fault.name: fault for fault in _ALL}

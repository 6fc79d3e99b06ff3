r"""Diffusion, question by question: the data's range, the schedule's end, the noise, the time and the label that the network is
told, the answer that it is taught, and the noise that the sampler adds.

What the network is told is read off at its door: a spy stands before the module, and sees x_t, t and labels of real steps. From
x_t and x_0 follows which time is likeliest: what is left of x_t beside sqrt(alpha_bar_t) x_0 has the variance 1 - alpha_bar_t.

Source: Ho, Jain and Abbeel (2020), arXiv:2006.11239; for schedules that end too early, Lin et al. (2024), arXiv:2305.08891.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array, generator
from byhand.errors import ByhandError
from byhand.models import samplers
from byhand.models.denoiser import DiffusionNetwork
from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.patient import Patient
from byhand.training.state import undisturbed

BATCHES = 40
END = 0.01  # of alpha_bar_T, as docs/diffusion.md has it


class Door:
    """Stands before a module, and writes down what is asked."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.seen: list[tuple[Array, Array, Array]] = []

    def __call__(self, x: Any, t: Any, labels: Any) -> Any:
        self.seen.append((np.array(x.data), np.array(t), np.array(labels)))
        return self.module(x, t, labels)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)


def probe_diffusion(patient: Patient) -> tuple[list[Finding], list[Check]]:
    """Findings about a diffusion network; nothing for others."""
    model: Any = patient.model
    if not isinstance(model, DiffusionNetwork):
        return [], []
    x, _ = patient.few(256)
    found, checks = scaled(model, x)
    found += ended(model) or drowned(model, x)
    more = told(patient)
    found += more
    found += sampled(model)
    found += answers_read(model, x)
    checks.append(Check("schedule", f"{model.schedule.name}, alpha_bar ends at {float(model.schedule.alpha_bar[-1]):.1e}"))
    return found, checks


def scaled(model: Any, x: Array) -> tuple[list[Finding], list[Check]]:
    """Data as the network sees it: about [-1, 1], or mean 0 and deviation 1."""
    seen = np.asarray(model.scaled(x.reshape(len(x), *model.input_shape).astype(model.dtype)))
    low, high, mean = float(seen.min()), float(seen.max()), float(seen.mean())
    size = float(np.sqrt(np.square(seen - seen.mean(axis=0)).mean()))
    check = Check("data", f"the network sees {low:.2f} to {high:.2f}, mean {mean:.2f}, deviation {size:.2f}")
    curves = {f"data, {low:.2g} to {high:.2g}": np.histogram(seen, bins=20)[0].tolist()}
    images = len(model.input_shape) == 3
    fix = "images in [0, 1] become 2 x - 1; of other data take the mean off and divide by the deviation"
    if images and (low > -0.5 or high < 0.5 or max(-low, high) > 2):
        evidence = (
            f"the network sees data from {low:.2f} to {high:.2f}; noise is symmetric around 0, and samples are held in [-1, 1]"
        )
        return [Finding("data-range", "data", 0.95, evidence, fix, curves=curves)], [check]
    if not images and (not 0.4 < size < 2.5 or abs(mean) > 1):
        evidence = f"the network sees data of mean {mean:.2f} and deviation {size:.2f} beside noise of 0 and 1"
        return [Finding("data-range", "data", 0.9, evidence, fix, curves=curves)], [check]
    return [], [check]


def ended(model: Any) -> list[Finding]:
    """Whether the last x_t is noise."""
    last = float(model.schedule.alpha_bar[-1])
    if last < END:
        return []
    evidence = (
        f"alpha_bar_T is {last:.3f}: at t = T = {model.diffusion.steps} a share of {last**0.5:.2f} of the image is "
        "left, but sampling begins with none"
    )
    fix = f"more steps, or larger betas, until alpha_bar_T is below {END}"
    kept = model.schedule.alpha_bar[:: max(1, len(model.schedule.alpha_bar) // 50)]
    return [Finding("schedule-end", "schedule", 0.95, evidence, fix, curves={"alpha_bar": kept.tolist()})]


def drowned(model: Any, x: Array) -> list[Finding]:
    """x_T of real data, as the network's own mixing makes it: it must be N(0, 1), as sampling begins with that."""
    x0 = np.asarray(model.scaled(x.reshape(-1, *model.input_shape).astype(model.dtype)), np.float64)
    eps = generator(2, "doctor").standard_normal(x0.shape)
    last = np.asarray(model.diffusion.noisy(x0, np.full(len(x0), model.diffusion.steps), eps))
    mean, std = float(last.mean()), float(last.std())
    if 0.85 < std < 1.15 and abs(mean) < 0.15 + 4 / np.sqrt(last.size):
        return []
    evidence = f"at t = T the noisy data have mean {mean:.2f} and deviation {std:.2f}, but sampling begins with 0 and 1"
    fix = "x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps, with eps from N(0, 1)"
    return [Finding("noise-wrong", "noise", 0.9, evidence, fix, curves={"x_T": np.histogram(last, bins=20)[0].tolist()})]


def told(patient: Patient) -> list[Finding]:
    """The time, the noise and the labels of real steps, as they come to the module, beside what they should be."""
    training, model = patient.training, patient.model
    found: list[Finding] = []
    with undisturbed(training), np.errstate(all="ignore"):
        module, draws = model.module, []
        door = Door(module)
        draw = model.draw

        def spy(labels: Any, rng: Any, label_dropout: float = 0.0) -> Any:
            made = draw(labels, rng, label_dropout)
            draws.append((made, np.array(labels)))
            return made

        fed: list[Array] = []
        noisy = model.diffusion.noisy

        def mixed(x0: Array, t: Any, eps: Array) -> Array:
            fed.append(np.array(x0))
            made: Array = noisy(x0, t, eps)
            return made

        model.module, model.draw, model.diffusion.noisy = door, spy, mixed
        try:
            for _ in range(min(BATCHES, training.total)):
                next(training)
        except ByhandError:
            pass
        finally:
            model.module = module
            del model.draw, model.diffusion.noisy
    if len(door.seen) < 2 or len(fed) != len(door.seen):
        return found
    found += times_told(model, door.seen, fed)
    if draws:
        found += labels_told(model, door.seen, draws)
        noises = {np.ascontiguousarray(made.eps).reshape(-1)[:4].tobytes() for made, _ in draws}
        if len(noises) <= len(draws) // 2:
            evidence = f"{len(draws)} steps drew {len(noises)} different noises"
            found.append(Finding("noise-reused", "noise", 0.97, evidence, "draw eps anew in each step, from one generator"))
    return found


def times_told(model: Any, seen: list[tuple[Array, Array, Array]], fed: list[Array]) -> list[Finding]:
    """The time that the noise has, worked out from x_t, beside the one that the network was told."""
    T, ab = model.diffusion.steps, model.schedule.alpha_bar
    t = np.concatenate([np.asarray(times).reshape(-1) for _, times, _ in seen])
    fix = "t is drawn evenly from 1 to T, for each sample; x_t is made with it, and the network is told the same t"
    if len(np.unique(t)) == 1:
        return [
            Finding(
                "time-ignored",
                "time",
                0.97,
                f"in {len(seen)} steps the network was told t = {t[0]} for all {len(t)} samples",
                fix,
            )
        ]
    covered = len(np.unique(t * 20 // (T + 1)))
    if covered < 12 and len(t) > 300:
        evidence = f"of the times 1 to {T} the network was only told {t.min()} to {t.max()}"
        return [Finding("time-wrong", "time", 0.9, evidence, fix)]
    # Least squares over all samples: (x_t - sqrt(ab) x0)^2 = (1 - ab); a shift of t makes the residual's size differ.
    x = np.concatenate([part.reshape(len(part), -1) for part, _, _ in seen]).astype(np.float64)
    x0 = np.concatenate([part.reshape(len(part), -1) for part in fed]).astype(np.float64)
    if len(t) != len(x) or len(x) != len(x0) or x.shape != x0.shape:
        return []

    def misfit(shift: int) -> float:
        s = np.clip(t + shift, 0, T)
        left = x - np.sqrt(ab[s])[:, None] * x0
        variance = np.maximum(1 - ab[s], 1e-4)
        # minus the log likelihood of the noise that would be left, a mean over the numbers
        return float(np.mean(0.5 * np.square(left) / variance[:, None] + 0.5 * np.log(variance)[:, None]))

    shifts = [0, *sorted({d for k in (1, 2, T // 10, T // 4) if k for d in (k, -k)})]
    scores = {shift: misfit(shift) for shift in shifts}
    best = min(scores, key=lambda shift: scores[shift])
    backwards = np.clip(T + 1 - t, 0, T)
    left = x - np.sqrt(ab[backwards])[:, None] * x0
    variance = np.maximum(1 - ab[backwards], 1e-4)
    turned = float(np.mean(0.5 * np.square(left) / variance[:, None] + 0.5 * np.log(variance)[:, None]))
    sure = 3 / np.sqrt(x.size)
    told_wrong = "time-wrong"
    if turned < scores[0] - max(0.2, sure):
        evidence = (
            f"the noise in x_t is that of T + 1 - t: minus log likelihood {turned:.3f} a number, of t itself {scores[0]:.3f}"
        )
        return [Finding(told_wrong, "time", 0.95, evidence, fix)]
    if best and scores[best] < scores[0] - max(0.02, sure):
        evidence = (
            f"the noise in x_t is that of t {best:+d}: minus log likelihood {scores[best]:.3f} a number, of the t "
            f"that the network was told {scores[0]:.3f}"
        )
        return [Finding(told_wrong, "time", 0.9, evidence, fix)]
    used = np.square(x - np.sqrt(ab[t])[:, None] * x0).mean(axis=1) / np.maximum(1 - ab[t], 1e-4)
    level = float(np.median(used[t > T // 4])) if (t > T // 4).any() else 1.0
    if (not 0.5 < level < 2.0 and x.shape[1] >= 16) or not 0.2 < level < 3.0:
        evidence = f"the noise in x_t has {level:.2f} times the variance that the schedule gives it at t"
        return [
            Finding(
                "noise-wrong",
                "noise",
                0.9,
                evidence,
                "eps from N(0, 1), and x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps",
            )
        ]
    return []


def labels_told(model: Any, seen: list[tuple[Array, Array, Array]], draws: list[Any]) -> list[Finding]:
    """The labels that come to the module, beside those of the data."""
    if not model.classes:
        return []
    told_labels = np.concatenate([np.asarray(labels).reshape(-1) for _, _, labels in seen])
    own = np.concatenate([labels.reshape(-1) for _, labels in draws])
    if len(own) != len(told_labels):
        return []
    anyway = float((told_labels == model.classes).mean())
    known = told_labels != model.classes
    fix = "give each sample's label to the network, in one of ten cases none"
    if anyway > 0.8:
        evidence = (
            f"the network was told the label in {1 - anyway:.0%} of {len(own):,} cases, of which each could be 'any' "
            f"in {model.label_dropout:.0%}"
        )
        return [Finding("condition-ignored", "label", 0.95, evidence, fix)]
    wrong = float((told_labels[known] != own[known]).mean())
    if wrong > 0.05:
        evidence = f"in {wrong:.0%} of {int(known.sum()):,} cases the network was told another label than the sample's"
        return [Finding("condition-ignored", "label", 0.95, evidence, fix)]
    return []


def sampled(model: Any) -> list[Finding]:
    """The noise that a step back adds, with a network that answers the same: its deviation beside the posterior's."""
    diffusion, rng = model.diffusion, generator(0, "doctor")
    T = diffusion.steps
    t, s = max(2, T // 2), max(1, T // 2 - max(1, T // 20))
    shape = model.input_shape
    many = max(64, 4096 // int(np.prod(shape)))
    fixed = rng.standard_normal((many, *shape))
    queue = [fixed, rng.standard_normal((many, *shape))]
    sampler = getattr(model, "sampler", None) or samplers.SAMPLERS["ddpm"]

    def noise() -> Array:
        return queue.pop(0) if queue else np.zeros((many, *shape))

    def silent(x: Array, t: int) -> Array:
        return np.zeros_like(x)

    try:
        still = [fixed, np.zeros((many, *shape))]
        noisy_steps = list(sampler(diffusion, silent, noise, [t, s], None))
        without = list(sampler(diffusion, silent, lambda: still.pop(0), [t, s], None))
    except (ByhandError, TypeError, IndexError):
        return []
    added = noisy_steps[1].x - without[1].x
    measured = float(added.std())
    expected = _deviation(model, t, s)
    if not expected > 0 or 0.9 < measured / expected < 1.1:
        return []
    means = ": that is the variance" if abs(measured / expected**2 - 1) < 0.1 else ""
    evidence = f"from t = {t} to {s} the sampler adds noise of deviation {measured:.4f}{means}; the posterior's is {expected:.4f}"
    return [
        Finding(
            "sampler-variance",
            "sampler",
            0.95,
            evidence,
            "scale the noise by the standard deviation, the root of Ho et al.'s eq. 7",
        )
    ]


def _deviation(model: Any, t: int, s: int) -> float:
    ab = model.schedule.alpha_bar
    beta = 1 - float(ab[t] / ab[s])
    return float(np.sqrt((1 - float(ab[s])) / (1 - float(ab[t])) * beta))


def answers_read(model: Any, x: Array) -> list[Finding]:
    """What the network is taught at some times, read as the sampler reads it: it must give x_0 and eps back."""
    rng, diffusion = generator(1, "doctor"), model.diffusion
    x0 = np.asarray(model.scaled(x[:32].reshape(-1, *model.input_shape).astype(np.float64)), np.float64)
    eps = rng.standard_normal(x0.shape)
    worst, where = 0.0, 0
    for t in (max(1, diffusion.steps // 10), diffusion.steps // 2, 9 * diffusion.steps // 10):
        times = np.full(len(x0), t)
        noisy = diffusion.noisy(x0, times, eps)
        back, noise = diffusion.x0_and_eps(diffusion.target_of(x0, eps, times), noisy, times)
        off = max(float(np.abs(back - x0).max()), float(np.abs(noise - eps).max()))
        if off > worst:
            worst, where = off, t
    if worst < 1e-3:
        return []
    evidence = f"a perfect answer at t = {where}, read as the sampler reads it, gives an image or noise that is {worst:.3g} off"
    return [Finding("target-wrong", "target", 0.97, evidence, "teach and read the same: epsilon, x0 or v")]

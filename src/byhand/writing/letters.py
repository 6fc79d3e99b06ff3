"""The letters of a sentence: drawn by a diffusion network, each from noise of its own, and read by a judge."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from byhand.backend import Array, generator
from byhand.data.emnist import MERGED
from byhand.data.photograph import pieces
from byhand.errors import ByhandError, ModelError
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.latent_diffusion import LatentDiffusion
from byhand.models.noise_schedules import NoiseSchedule
from byhand.models.samplers import SamplerStep, between
from byhand.shipped import open_model
from byhand.training.encoded_data import imaging
from byhand.writing.centre_lines import drawing
from byhand.writing.pen import Drawing, inked
from byhand.writing.strokes import STROKES, draw_mark

SIDE = 28
MODELS = {"pixels": "emnist-diffusion", "latent": "emnist-latent-diffusion"}
JUDGE = "emnist-cnn"
SAMPLER, STEPS = "dpm_solver", 8  # letters drawn so are read as often as those of 50 steps of DDIM
FRAMES = 32  # pictures of a letter's way out of the noise, at least
READ = 0.6  # a letter that the judge takes for what it is with this probability is kept
MOST = 64  # candidates of a letter
BROKEN = 0.5  # of that probability is taken off a letter that no pen could write, where the better one is chosen
PIECE, LEAST_PIECE, INK = 0.35, 4, 0.42  # the grey of a piece of ink, and its pixels at least; the grey that parts ink from paper
PEN = 3.0  # pixels, of 28: the width of strokes in EMNIST
PIECES = {"i": 2, "j": 2}  # of ink: a dot; all others have one

Progress = Callable[[int, int], None]  # hears how many of how many steps are done


@dataclass(frozen=True)
class Letter:
    """One character as it came out of the noise.

    Attributes:
        character: what it is. frames: (S, 28, 28) in [0, 1], from noise to ink. signal_rates: (S,),
            the factor of the image in each, from 0 to 1.
        read: the probability with which the judge reads it as that character; None where nobody judged.
    """

    character: str
    frames: Array
    signal_rates: Array
    read: float | None = None

    @property
    def ink(self) -> Array:
        """The finished letter, (28, 28)."""
        return self.frames[-1]


def moments(steps: int, shown: int = FRAMES) -> int:
    """How many pictures after the first a film of so many steps has: as many between two steps as make `shown` or more.

    >>> moments(8), moments(50)
    (32, 50)
    """
    return steps * max(1, -(-shown // steps))


class Hand:
    """A network that draws characters, with their names: what writes."""

    def __init__(self, network: DiffusionNetwork | LatentDiffusion, class_names: Sequence[str]) -> None:
        if len(class_names) != network.classes:
            raise ModelError(f"the network knows {network.classes} classes, but {len(class_names)} names were given")
        self.network, self.class_names = network, tuple(class_names)
        self.schedule: NoiseSchedule = (network.network if isinstance(network, LatentDiffusion) else network).schedule

    def sample_steps(
        self,
        characters: Sequence[str],
        names: Sequence[str],
        *,
        steps: int = STEPS,
        guidance: float = 2.0,
        seed: int = 0,
        sampler: str = SAMPLER,
        shown: int = 0,
    ) -> Iterator[tuple[float, Array]]:
        """The signal rate and the pictures (N, 28, 28) in [0, 1] at each step, from noise to letters.

        shown: at least so many pictures: where the steps are fewer, the way between them is shown too.
        """
        labels = np.array([self.class_names.index(character) for character in characters], np.int64)
        shape = (len(characters), SIDE, SIDE)
        before: SamplerStep | None = None
        for t, *arrays in self.network.sample_steps(names, labels, sampler=sampler, steps=steps, guidance=guidance, seed=seed):
            step = SamplerStep(t, *(2 * array.reshape(shape) - 1 for array in arrays))
            if before is not None:
                for u in np.linspace(before.t, t, moments(steps, shown) // steps + 1)[1:-1].round().astype(int):
                    yield self._picture(u, between(self.schedule, before, step, u))
            yield self._picture(t, step.x)
            before = step

    def _picture(self, t: int, x: Array) -> tuple[float, Array]:
        """The signal rate of a time, and what stands there as brightnesses."""
        return float(self.schedule.signal[t]), np.clip((x + 1) / 2, 0, 1)

    def draw(
        self,
        characters: Sequence[str],
        names: Sequence[str],
        *,
        steps: int = STEPS,
        guidance: float = 2.0,
        seed: int = 0,
        sampler: str = SAMPLER,
        progress: Progress | None = None,
    ) -> list[Letter]:
        """One letter a character; the same seed, name and character give the same letter, in whatever company."""
        drawn = [i for i, character in enumerate(characters) if character not in STROKES]
        frames: dict[int, list[Array]] = {i: [] for i in range(len(characters))}
        signal_rates = [] if drawn else [0.0, 1.0]
        if drawn:
            wanted, chosen = [characters[i] for i in drawn], [names[i] for i in drawn]
            settings: dict[str, Any] = {"sampler": sampler, "steps": steps, "guidance": guidance, "seed": seed, "shown": FRAMES}
            for signal_rate, pictures in self.sample_steps(wanted, chosen, **settings):
                signal_rates.append(signal_rate)
                for i, picture in zip(drawn, pictures, strict=True):
                    frames[i].append(picture)
                if progress is not None:
                    progress((len(signal_rates) - 1) * len(drawn), moments(steps) * len(drawn))
        for i in set(range(len(characters))) - set(drawn):
            frames[i] = _emerging(characters[i], names[i], seed, signal_rates)
        kept = np.array(signal_rates)
        return [Letter(character, np.stack(frames[i]).astype(np.float32), kept) for i, character in enumerate(characters)]


def _emerging(mark: str, name: str, seed: int, signal_rates: Sequence[float]) -> list[Array]:
    """A mark under less and less noise, as q(x_t | x_0) has it."""
    x0 = 2 * draw_mark(mark, seed, name) - 1
    noise = generator(seed, "mark noise", *(name + mark).encode()).standard_normal(x0.shape).astype(np.float32)
    return [np.clip((rate * x0 + math.sqrt(1 - rate**2) * noise) / 2 + 0.5, 0, 1) for rate in signal_rates]


def open_hand(model: str) -> Hand:
    """What writes: "pixels" (the U-Net), "latent" (in the codes of a VAE), or any diffusion model of images of characters."""
    opened = open_model(MODELS.get(model, model))
    network = imaging(opened)
    if not isinstance(network, DiffusionNetwork | LatentDiffusion):
        raise ModelError(f"{model} draws without a diffusion, of which writing is the film: choose emnist-diffusion")
    if isinstance(network, DiffusionNetwork) and network.input_shape != (SIDE, SIDE, 1):
        raise ModelError(f"{model} draws {opened.drawer.input_shape}, but letters are (28, 28, 1): choose emnist-diffusion")
    if not all(len(name) == 1 for name in opened.class_names):
        raise ModelError(f"the classes of {model} are no single characters: choose a model of letters or digits")
    return Hand(network, opened.class_names)


def letters(
    hand: Hand,
    characters: Sequence[str],
    *,
    best_of: int = 4,
    seed: int = 0,
    progress: Progress | None = None,
    **settings: Any,
) -> list[Letter]:
    """The letters of a text, in its order. One that the judge cannot read, or no pen could write, is drawn anew.

    Up to `best_of` times in all; the best is kept. Where `best_of` is 1 nobody judges. The settings are those of `Hand.draw`.
    """
    if not 1 <= best_of <= MOST:
        raise ByhandError(f"best-of must be from 1 to {MOST}, got {best_of}")
    found = hand.draw(characters, [f"{i}.0" for i in range(len(characters))], seed=seed, progress=progress, **settings)
    if best_of == 1:
        return found
    found = judged(found)
    poor = [i for i, letter in enumerate(found) if letter.read is not None and (letter.read < READ or not whole(letter))]
    tries = [(i, f"{i}.{attempt}") for i in poor for attempt in range(1, best_of)]
    if tries:  # all at once, which takes much less time than one after the other
        again = hand.draw([characters[i] for i, _ in tries], [name for _, name in tries], seed=seed, **settings)
        for (i, _), letter in zip(tries, judged(again), strict=True):
            if _merit(letter) > _merit(found[i]):
                found[i] = letter
    return found


def whole(letter: Letter) -> bool:
    """Whether a pen could have written it: in as many pieces as it has, and with strokes that are not full of ink.

    A letter in two pieces, or an e without its eye, may well be read, but nobody writes so.
    """
    return pieces_of(letter) == PIECES.get(letter.character, 1) and bool(_drawn(_bytes(letter.ink)).strokes)


def pieces_of(letter: Letter) -> int:
    """In how many pieces its ink is, without specks."""
    labels, count = pieces(letter.ink > PIECE)
    return int((np.bincount(labels.ravel(), minlength=count + 1)[1:] >= LEAST_PIECE).sum())


def _merit(letter: Letter) -> float:
    return (letter.read or 0.0) - (0.0 if whole(letter) else BROKEN)


def judged(found: list[Letter], judge: str = JUDGE) -> list[Letter]:
    """The letters with what the judge gives each as a pen writes it; where small and capital look alike, both count."""
    model = open_model(judge)
    asked = [i for i, letter in enumerate(found) if letter.character in model.class_names]
    if not asked:
        return found
    outputs = model.classifier.forward(np.stack([penned(found[i].ink) for i in asked]).reshape(len(asked), -1))
    read = dict(zip(asked, outputs, strict=True))
    return [
        Letter(letter.character, letter.frames, letter.signal_rates, _probability(letter.character, read[i], model.class_names))
        if i in read
        else letter
        for i, letter in enumerate(found)
    ]


def penned(ink: Array) -> Array:
    """The letter as a pen writes it, (28, 28), with strokes as wide as those of the judge's own letters."""
    return inked(_drawn(_bytes(ink)), (SIDE, SIDE), 1.0, PEN / 2)


def _bytes(ink: Array) -> bytes:
    return np.asarray(ink, np.float32).tobytes()


@lru_cache(maxsize=256)
def _drawn(ink: bytes) -> Drawing:
    """The strokes of a letter, which are asked for more than once while it is judged."""
    return drawing(np.frombuffer(ink, np.float32).reshape(SIDE, SIDE), INK)


def _probability(character: str, outputs: Array, class_names: Sequence[str]) -> float:
    same = {character, character.swapcase()} if character.lower() in MERGED else {character}
    return float(sum(outputs[k] for k, name in enumerate(class_names) if name in same))

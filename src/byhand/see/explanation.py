"""What an explanation of a training step is, whatever the network: data that the page, the terminal, JSON and notebooks read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from byhand.backend import Array
from byhand.see.gradient_check import Proof
from byhand.see.pushes import Push
from byhand.see.section import Listing, Picture, Section
from byhand.see.weight import Entry, Weight

Names = tuple[
    str, Sequence[int], str, str, str, str
]  # in the formulas, the shape, as an option, in Python, in files, in the microscope


BOOK = (
    "Here a row is a sample, in the book a column: z = a wᵀ is the book's z = w a, transposed. Under each equation stands the "
    "book's form, for one sample."
)


@dataclass(frozen=True)
class Sample:
    """One sample of the batch: its index in the data, its label, and what the network answered before and after the step."""

    index: int
    label: str
    answer: str = ""
    answer_after: str = ""

    @property
    def name(self) -> str:
        """As `5 (three)`, or the index alone where there is no label."""
        return f"{self.index} ({self.label})" if self.label else str(self.index)


@dataclass(frozen=True)
class Stage:
    """A part of the step: its name in links and in JSON, its heading, and its idea in a sentence."""

    name: str
    title: str
    idea: str


@dataclass(frozen=True)
class Output:
    """The followed sample's outputs before and after the step, and what was asked for; each (n,)."""

    before: Array
    after: Array
    target: Array


@dataclass(frozen=True)
class FollowedWeight:
    """A weight before and after the step, its gradient's proof, and the samples that pushed it up and down most.

    gradient: the same gradient as the sum that the explanation works out, where it does.
    """

    weight: Weight | Entry
    before: float
    after: float
    gradient: float
    proof: Proof
    up: tuple[Push, ...] = ()
    down: tuple[Push, ...] = ()


@dataclass(frozen=True)
class LayerGraph:
    """Fully connected layers on one sample, to be drawn as units and lines; keys are Nielsen's l, the input is 1.

    a: (n_l,) activations. w: (n_l, n_(l-1)) weights. names: of the activations. followed: the units j of the formulas.
    """

    a: Mapping[int, Array]
    w: Mapping[int, Array]
    names: Mapping[int, str]
    followed: Mapping[int, int]
    weights: tuple[Weight, ...]


@dataclass(frozen=True)
class Thumbnail:
    """What one op made of the followed sample, as a small image (H, W); `section` is the place of the op's own section."""

    name: str
    kind: str
    shape: tuple[int, ...]
    values: Array
    section: int


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One training step laid out.

    Attributes:
        step: what was taken. samples: of the batch; row: which of them is followed.
        stages: the parts of the step. sections: in the order of computation, each of a stage.
        brief: the titles of the few sections that tell the step in short.
        weights: that are followed, with their proofs. names: what the same parameter is called where.
        about: the network in facts, (what, value). followed: what the formulas follow, in words.
        counting: what is counted from where.
        provenance: whose weights they are, in words: "as drawn, not trained"; "" where nobody knows.
        side_by_side: whether all sections show equation, numbers and whole source beside one another, as few and short ones can.
        pictures, output, graph, strip: the sample and the network at a glance, where they can be drawn.
        details: what this kind of network has beside, by name, as plain data.
        notebook: draws the explanation in a notebook.
    """

    step: Any
    samples: tuple[Sample, ...]
    stages: tuple[Stage, ...]
    sections: tuple[Section, ...]
    brief: tuple[str, ...]
    weights: tuple[FollowedWeight, ...]
    names: Listing
    about: tuple[tuple[str, str], ...]
    counting: str
    followed: str = ""
    row: int = 0
    provenance: str = ""
    pictures: tuple[Picture, ...] = ()
    output: Output | None = None
    graph: LayerGraph | None = None
    strip: tuple[Thumbnail, ...] = ()
    side_by_side: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)
    notebook: Callable[[Explanation], str] = repr

    def stage(self, name: str) -> tuple[Section, ...]:
        """The sections of one stage, such as "forward"."""
        return tuple(section for section in self.sections if section.stage == name)

    def in_short(self) -> tuple[Section, ...]:
        """The few sections that tell the step in short, in their order."""
        return tuple(section for section in self.sections if section.title in self.brief)

    def facts(self) -> list[tuple[str, str]]:
        """The step in a few lines: what, and its value."""
        step, sample = self.step, self.samples[self.row]
        rows = [*self.about]
        if self.provenance:
            rows.append(("Weights", self.provenance))
        rows += [("Optimiser", repr(step.optimizer)), ("Batch", batch_names(self.samples))]
        if self.followed:
            rows.append(("Followed", self.followed))
        if sample.answer:
            rows.append(("Answer", f"{sample.answer} before the step, {sample.answer_after} after it; asked for {sample.label}"))
        change = step.cost_after - step.cost
        return [*rows, ("Cost", f"{step.cost:.6g} before the step, {step.cost_after:.6g} after it ({change:+.3g})")]

    def _repr_html_(self) -> str:
        """For notebooks."""
        return self.notebook(self)


def batch_names(samples: Sequence[Sample], most: int = 12) -> str:
    """The first samples of a batch, and how many more."""
    shown = ", ".join(sample.name for sample in samples[:most])
    more = len(samples) - most
    name = "sample" if len(samples) == 1 else f"{len(samples)} samples:"
    return f"{name} {shown}" + (f" and {more:,} more" if more > 0 else "")


def named_alike(parameters: Mapping[str, Array], symbols: Mapping[str, str]) -> Iterable[Names]:
    """Of parameters that have one name everywhere but in formulas."""
    for name, values in parameters.items():
        yield symbols.get(name, ""), values.shape, f"{name}:{','.join('ijklmn'[: values.ndim])}", "", name, name


def table_of_names(rows: Iterable[Names], option: str = "--number") -> Listing:
    """What each parameter is called, without the columns that nobody needs; option: that takes such a name in the terminal."""
    heads = ["formula", "shape", option, "Python", "model file", "microscope"]
    table = [(first, " × ".join(map(str, shape)), *others) for first, shape, *others in rows]
    if all(row[-1] == row[-2] for row in table):  # one column is enough
        heads, table = [*heads[:-2], "model file, microscope"], [row[:-1] for row in table]
    used = [k for k in range(len(heads)) if any(row[k] for row in table)]
    return Listing(
        "What the same parameter is called", tuple(heads[k] for k in used), tuple(tuple(row[k] for k in used) for row in table)
    )

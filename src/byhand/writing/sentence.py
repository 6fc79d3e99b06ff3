"""`byhand write`: a text becomes a file in which a network writes it by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from byhand.draw.animation import STYLES, check_ending, style_named, write_animation, write_picture
from byhand.errors import ByhandError
from byhand.files import write_atomically
from byhand.hand.train import open_own_hand
from byhand.writing.characters import BLANK, writable
from byhand.writing.frames import frames, picture
from byhand.writing.layout import Page, typeset, wrapped
from byhand.writing.letters import SAMPLER, STEPS, Hand, Letter, Progress, letters, open_hand
from byhand.writing.one_hand import HandStyle, asked, in_one_hand, style_of
from byhand.writing.outline import outline

__all__ = ["STYLES", "Sentence", "compose", "save", "write"]

STILLS = (".png", ".svg")


@dataclass(frozen=True)
class Sentence:
    """A text in handwriting: its lines, its letters in reading order, and where each stands.

    Attributes:
        notes: what was changed or left out to write it.
        hand: how far its letters lean, how broad they are, and how wide the pen is.
    """

    lines: tuple[str, ...]
    letters: tuple[Letter, ...]
    page: Page
    notes: tuple[str, ...] = ()
    hand: HandStyle = field(default_factory=HandStyle)


def compose(
    text: str,
    *,
    hand: Hand | None = None,
    model: str = "pixels",
    steps: int = STEPS,
    guidance: float = 2.0,
    seed: int = 7,
    width: int = 12,
    best_of: int = 4,
    sampler: str = SAMPLER,
    slant: float | None = None,
    pen: float | None = None,
    own: Path | str | None = None,
    skip_unknown: bool = False,
    progress: Progress | None = None,
) -> Sentence:
    """Draw and set a text.

    Arguments:
        model: "pixels", the U-Net; "latent", coarser and much faster; or a diffusion model's name or path. `hand` in its place
            is one that is open already.
        steps: how often the network is asked for each letter. guidance: 1 follows the letter's label, more exaggerates it.
        seed: the same seed gives the same letters, in the same hand. width: characters a line.
        slant: degrees by which the letters lean to the right, beside what is usual; pen: the width of the strokes as a factor;
            the seed's own where they are not given.
        own: a folder of `byhand hand train`, whose person's hand it is written in; in place of `hand` and `model`.
        best_of: a letter that a network cannot read is drawn anew, up to so many times in all; 1 keeps the first.

    Raises ByhandError (or one of its kinds) for a text or a setting that cannot be.
    """
    theirs = None if own is None else open_own_hand(own)
    hand = theirs.hand if theirs is not None else hand if hand is not None else open_hand(model)
    written = writable(text, hand.class_names, skip_unknown=skip_unknown)
    lines = wrapped(written.characters, width)
    characters = [character for line in lines for character in line if character not in (" ", BLANK)]
    style = style_of(seed, slant, pen) if theirs is None else asked(theirs.style, slant, pen)
    drawn = letters(
        hand, characters, best_of=best_of, steps=steps, guidance=guidance, seed=seed, sampler=sampler, progress=progress
    )
    drawn = in_one_hand(drawn, style, "" if theirs is None or slant is not None else theirs.given)
    return Sentence(tuple(lines), tuple(drawn), typeset(lines, [letter.ink for letter in drawn]), written.notes, style)


def save(sentence: Sentence, out: Path, *, style: str = "dark", scale: float = 1.0) -> None:
    """Write a sentence: .gif, .apng, .webp and .mp4 move, .png and .svg are the finished writing."""
    chosen, ending = style_named(style), out.suffix.lower()
    if ending == ".svg":
        write_atomically(out, outline(sentence.page, sentence.letters, chosen, scale, sentence.hand.pen).encode())
    elif ending == ".png":
        write_picture(picture(sentence.page, sentence.letters, scale, sentence.hand.pen), out, chosen)
    else:
        write_animation(*frames(sentence.page, sentence.letters, scale, sentence.hand.pen), out, chosen)


def write(text: str, out: Path | str, *, style: str = "dark", scale: float = 1.0, **settings: object) -> Sentence:
    """Write a text by hand into a file; `settings` are those of `compose`. The file appears whole or not at all.

    >>> write("Hi", "hi.gif", seed=7)  # doctest: +SKIP
    """
    out = Path(out)
    check(out, style)
    sentence = compose(text, **settings)  # type: ignore[arg-type]
    save(sentence, out, style=style, scale=scale)
    return sentence


def check(out: Path, style: str) -> None:
    """Raises ByhandError for what could not be written anyhow, before the work begins."""
    style_named(style)
    if not out.suffix:
        raise ByhandError(f"{out} has no ending: choose .gif, .apng, .webp or .mp4, which move, or .png or .svg")
    if out.suffix.lower() not in STILLS:
        check_ending(out)
    if not out.parent.exists() and not out.parent.parent.exists():
        raise ByhandError(f"there is no folder {out.parent}: make it, or choose another --out")

"""Which characters can be written, and where each stands on the line.

EMNIST scaled every character to fill its frame: an o is as tall as an O, and a comma would be as tall as both. Here they get back
the sizes that the writing lessons of school give them, in units of the height of a capital, from the baseline up.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from byhand.errors import ByhandError
from byhand.writing.strokes import STROKES

X_HEIGHT, DESCENT = 0.62, 0.36
BLANK = "\N{NO-BREAK SPACE}"  # where a character was left out; the space between words is another one
LONGEST = 400  # characters of a text

EXTENTS = (
    ("acemnorsuvwxz", 0.0, X_HEIGHT),
    ("bdhkl", 0.0, 1.04),
    ("f", -0.12, 1.04),
    ("t", 0.0, 0.9),
    ("i", 0.0, 0.88),
    ("j", -DESCENT, 0.88),
    ("gpqy", -DESCENT, X_HEIGHT),
)
PLACES = {character: (bottom, top) for characters, bottom, top in EXTENTS for character in characters}

# What Unicode does not take apart itself.
LETTERS = {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"}
LETTERS |= {"ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i"}
MARKS = {"’": "'", "‘": "'", "‚": ",", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "´": "'", "`": "'"}
MARKS |= {"–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "…": "...", "¡": "!", "¿": "?", "·": "."}
NEAREST = {"@": "a", "$": "S", "€": "E", "£": "L", "&": "+", "%": "/", "#": "+", "~": "-", "_": "-", "[": "(", "]": ")"}
NEAREST |= {"{": "(", "}": ")", "<": "(", ">": ")", "|": "/", "\\": "/", "^": "'", "*": "+"}


@dataclass(frozen=True)
class Text:
    """A text of characters that can be written, spaces and line ends; `notes` say what was changed to get it."""

    characters: str
    notes: tuple[str, ...] = ()


def extent(character: str) -> tuple[float, float]:
    """Where a letter or digit begins and ends, above the baseline, in heights of a capital.

    >>> extent("E"), extent("g")
    ((0.0, 1.0), (-0.36, 0.62))
    """
    return PLACES.get(character, (0.0, 1.0))


def writable(text: str, known: Sequence[str], *, skip_unknown: bool = False) -> Text:
    """The text in characters that the network knows, and strokes: accents are taken off, foreign quotes and dashes made plain.

    `skip_unknown` leaves a blank for each character that cannot be written. Raises ByhandError for these otherwise, with the
    nearest that can, and for a text of nothing or of more than 400 characters.

    >>> writable("Café – naïve?", "abcdefghijklmnopqrstuvwxyzC").characters
    'Cafe - naive?'
    """
    if len(text) > LONGEST:
        raise ByhandError(f"the text has {len(text):,} characters, but {LONGEST} can be written at most: shorten it")
    letters = set(known)
    changed: dict[str, str] = {}
    unknown: dict[str, None] = {}
    found = []
    for character in unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")):
        plain = _plain(character)
        if all(c in letters or c in STROKES or c in " \n" for c in plain):
            if plain != character and not character.isspace():
                changed[character] = plain
            found.append(plain)
        else:
            unknown[character] = None
            found.append(BLANK)
    if unknown and not skip_unknown:
        raise ByhandError(_refusal(list(unknown), letters))
    characters = "".join(found)
    if not characters.strip():  # blanks are whitespace too
        raise ByhandError("there is nothing to write: give a text with at least one letter, digit or mark")
    notes = [f"{', '.join(f'{old} as {new}' for old, new in changed.items())}: these were written without their marks"] * bool(
        changed
    )
    notes += [f"left blank: {' '.join(unknown)}"] * bool(unknown)
    return Text(characters, tuple(notes))


def _plain(character: str) -> str:
    if character in LETTERS or character in MARKS:
        return LETTERS.get(character) or MARKS[character]
    if character == "\n":
        return character
    if character.isspace():
        return " "
    parts = unicodedata.normalize("NFKD", character)
    return "".join(part for part in parts if not unicodedata.combining(part)) or character


def _refusal(unknown: list[str], letters: set[str]) -> str:
    told = []
    for character in unknown[:5]:
        near = _nearest(character, letters)
        told.append(f"{character!r}{f' (nearest: {near!r})' if near else ''}")
    more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    kinds = [
        ("digits", string.digits),
        ("capitals", string.ascii_uppercase),
        ("small letters", string.ascii_lowercase),
    ]
    have = [name for name, all_of in kinds if letters >= set(all_of)] or [" ".join(sorted(letters))]
    return (
        f"there is no handwriting for {', '.join(told)}{more}: it knows {', '.join(have)} and {' '.join(STROKES)}; choose among "
        "these, or leave the others blank with --skip-unknown"
    )


def _nearest(character: str, letters: set[str]) -> str | None:
    """The character that comes near: by a table, in the other case, or what Unicode calls by the same letter, as a Greek A."""
    # Of "CYRILLIC SMALL LETTER A" the last word counts.
    name = unicodedata.name(character, "").split()
    named = name[-1] if "LETTER" in name and len(name[-1]) == 1 else ""
    tries = [NEAREST.get(character, ""), _plain(character), named.lower() if "SMALL" in name else named]
    tries += [guess.swapcase() for guess in tries]
    return next((guess for guess in tries if len(guess) == 1 and (guess in letters or guess in STROKES)), None)

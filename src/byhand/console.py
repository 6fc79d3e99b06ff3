r"""What is printed can be read whatever the stream can write.

On Windows a redirected standard output writes cp1252, under LC_ALL=C it writes ASCII: neither has an \odot, and most
superscripts are missing too. Python would end in a UnicodeEncodeError. Here a stream is told, once and where it is made, to
spell out what it lacks, as you write formulas in a mail: `\delta^l \odot \sigma'(z)` becomes
`delta^l .* sigma'(z)`. What the stream has stays as it is.
"""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from typing import TYPE_CHECKING, Any

from byhand.printable import guard

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

NARROWEST = 10  # columns; in fewer there is nothing to read
ERRORS = "byhand.spelled"  # the name under which the codecs know `spell`

SPELLED = {
    "∂": "d", "∇": "grad ", "∑": "sum", "√": "sqrt", "⊙": ".*", "·": "*", "×": "x", "∞": "inf", "∈": "in", "¬": "not ",
    "→": "->", "←": "<-", "≈": "~", "∼": "~", "≥": ">=", "≤": "<=", "±": "+-", "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-",
    "‖": "||", "⌊": "floor(", "⌋": ")", "…": "...", "⋮": ":", "′": "'", "’": "'", "‘": "'", "‚": ",", "“": '"', "”": '"',
    "„": '"', "«": '"', "»": '"', "✓": "yes", "✗": "no", "\u0302": "_hat", "\u0303": "_tilde", "\u0304": "_bar",
    "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ß": "ss", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
    "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "€": "EUR", "£": "GBP",
    "•": "*", "━": "-", "╸": "-", "╺": "-", "─": "-", "│": "|", "▁": "_", "▂": "_", "▃": ".", "▄": "-", "▅": "-", "▆": "=",
    "▇": "=", "█": "#",
}  # fmt: skip
ABOVE = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴸᵀ", "0123456789+-=()abcdefghijklmnoprstuvwxyzLT", strict=True))
BELOW = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789+-=()aehijklmnoprstuvx", strict=True))


def spell(error: UnicodeError) -> tuple[str, int]:
    """What stands in for the first character that the stream cannot write, and where to go on: an error handler of codecs.

    >>> codecs.register_error(ERRORS, spell)
    >>> "δˡ = δˡ⁺¹ wˡ⁺¹ ⊙ σ'(zˡ)".encode("ascii", ERRORS).decode()
    "delta^l = delta^(l+1) w^(l+1) .* sigma'(z^l)"
    >>> "∂C/∂w²₅,₄ = 2σ".encode("cp1252", ERRORS).decode("cp1252")
    'dC/dw²_5,_4 = 2 sigma'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text, at = error.object, error.start
    letter, after = text[at], text[at + 1 : at + 2]
    for table, mark in ((ABOVE, "^"), (BELOW, "_")):
        if letter in table:
            end = at + 1
            while end < len(text) and text[end] in table:
                end += 1
            inner = "".join(table[one] for one in text[at:end])
            return (f"{mark}{inner}" if len(inner) == 1 else f"{mark}({inner})"), end
    if letter in SPELLED:
        return SPELLED[letter], at + 1
    if name := _greek(letter):
        # A name must not run into the letters beside it.
        before = " " if text[at - 1 : at].isalnum() else ""
        behind = " " if after.isalnum() and after not in ABOVE and after not in BELOW else ""
        return f"{before}{name}{behind}", at + 1
    plain = "".join(one for one in unicodedata.normalize("NFKD", letter) if one.isascii())
    # A file's name may hold bytes that are no text: Python has them as surrogates, and they are shown as \xff.
    code = ord(letter)
    return plain or (f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else ascii(letter)[1:-1]), at + 1


def _greek(letter: str) -> str:
    """`sigma` for σ, `Delta` for Δ; nothing for what is no Greek letter."""
    kind, _, name = unicodedata.name(unicodedata.normalize("NFKC", letter)[0], "").partition(" LETTER ")
    if kind not in {"GREEK SMALL", "GREEK CAPITAL"} or " " in name:
        return ""
    name = {"LAMDA": "LAMBDA"}.get(name, name)
    return name.capitalize() if kind == "GREEK CAPITAL" else name.lower()


codecs.register_error(ERRORS, spell)


def readable(stream: Any) -> None:
    """Let a text stream spell out what its encoding lacks; a stream that has no such setting is left alone."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=ERRORS)


def open_console(*, stderr: bool = False) -> Console:
    """Rich's console on standard output, or on standard error: the only one that byhand prints on."""
    from rich.console import Console

    class Spelling(Console):
        """A console that spells out before it measures, so that tables keep their columns, and that tells of a broken pipe."""

        def render_str(self, text: str, **how: Any) -> Text:
            if not self.encoding.startswith("utf"):
                text = text.encode(self.encoding, ERRORS).decode(self.encoding)
            return super().render_str(text, **how)

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    readable(sys.stderr if stderr else sys.stdout)
    forget_impossible_width()
    made = Spelling(stderr=stderr, emoji=False)  # a name may be ":heart:"
    guard(made)
    return made


def forget_impossible_width() -> None:
    """COLUMNS=0 is what some shells and services say where they do not know, and Rich would print nothing at all."""
    columns = os.environ.get("COLUMNS", "").strip()
    if columns.isdecimal() and int(columns) < NARROWEST:
        del os.environ["COLUMNS"]

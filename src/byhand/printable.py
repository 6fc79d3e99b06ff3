"""Words that others wrote (names of files, classes, tensors), fit to be printed.

A name may hold brackets, which Rich takes for markup: in a string that Rich is to print it stands as `literal(name)`. And it may
hold control characters, which a terminal takes for commands, to clear the screen or to type: `byhand.console` writes them as
escapes, whatever they stand in, and what is printed without one goes through `printable`.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

# Control characters; those that turn the direction of writing; halves of a pair, as in names of files that are not UTF-8; ends of
# lines and paragraphs. Joiners (U+200C, U+200D) are kept: Persian, Hindi and emoji are spelled with them.
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
JOINERS = "\u200c\u200d"


def printable(text: object, keep: str = "") -> str:
    r"""The text with every character that is none to be seen written as an escape; those in `keep` stay.

    >>> printable("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(char if char in keep or char in JOINERS or not _hidden(char) else _escaped(char) for char in text)


def literal(text: object) -> str:
    r"""The text for a string that Rich reads as markup: it comes out as it is.

    >>> literal("photo [copy].png")
    'photo \\[copy].png'
    """
    from rich.markup import escape

    return escape(printable(text))


def guard(console: Console) -> None:
    """Let no name do more on this console than be read."""
    from rich.console import ConsoleOptions, RenderHook
    from rich.measure import Measurement
    from rich.segment import Segment

    class Printable:
        """What is to be printed, with the control characters in its text as escapes."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> Any:
            for segment in console.render(self.inner, options):
                yield segment if segment.control else Segment(printable(segment.text, keep="\n\t"), segment.style)

        def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
            return Measurement.get(console, options, self.inner)

    class Hook(RenderHook):
        def process_renderables(self, renderables: list[Any]) -> list[Any]:
            return [Printable(renderable) for renderable in renderables]

    console.push_render_hook(Hook())


def _hidden(char: str) -> bool:
    return unicodedata.category(char) in HIDDEN


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file's name that is no text, which Python has as a surrogate
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")

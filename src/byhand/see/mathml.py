"""LaTeX as MathML: drawn by every current browser, read by screen readers, with no script and no font to fetch."""

from __future__ import annotations

import html
import re
from functools import cache

from latex2mathml.converter import convert

from byhand.see.unicode_math import plain

XMLNS = ' xmlns="http://www.w3.org/1998/Math/MathML"'  # HTML needs none


@cache
def mathml(latex: str, display: bool = False) -> str:
    r"""The formula as one `<math>` element, with its plain text for whoever cannot draw it.

    >>> mathml("z^l").startswith('<math alttext="zˡ"')
    True
    """
    # A sign in front of a number belongs to it; one that opens a piece of a broken line stands between two terms.
    grouped = re.sub(r"(\(|=|\\leftarrow|\\cdot)\s*-\s*([\d.]+)", r"\1 {-\2}", latex)
    grouped = re.sub(r"\\ln (?=[\d(])", r"\\ln\\,", grouped)  # or it would read ln0.5
    made: str = convert(grouped, display="block" if display else "inline").replace(XMLNS, "", 1)
    if latex[:1] in {"+", "-"}:
        made = made.replace("<mo>", '<mo form="infix">', 1)
    alternative = html.escape(plain(latex), quote=True)
    return made.replace("<math", f'<math alttext="{alternative}" displaystyle="true"', 1)

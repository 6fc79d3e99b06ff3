"""LaTeX as MathML: drawn by every current browser, read by screen readers, with no script and no font to fetch."""

from __future__ import annotations

import html
from functools import cache

from latex2mathml.converter import convert

from byhand.see.plaintext import plain


@cache
def mathml(latex: str, display: bool = False) -> str:
    r"""The formula as one `<math>` element, with its plain text for whoever cannot draw it.

    >>> mathml("z^l")[:33]
    '<math alttext="zˡ" display="inline'
    """
    made: str = convert(latex, display="block" if display else "inline")
    return made.replace("<math ", f'<math alttext="{html.escape(plain(latex), quote=True)}" ', 1).replace(
        ' xmlns="http://www.w3.org/1998/Math/MathML"', "", 1
    )

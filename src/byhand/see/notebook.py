"""An explanation in a notebook: the page's three columns, in a style that reaches nothing else of the notebook.

Jupyter calls `_repr_html_` of what a cell returns. The style is nested under one class, as browsers know it since 2023.
"""

from __future__ import annotations

import hashlib
import re

from byhand.see.explanation import Explanation
from byhand.see.page import page

SCOPE = "byhand-step"
STYLE = re.compile(r"<style>(.*?)</style>", re.S)
BODY = re.compile(r"<body>(.*)</body>", re.S)
MANY = 24  # sections; of more, all begin folded


def html_of(explanation: Explanation) -> str:
    """The explanation as HTML for a notebook's cell."""
    text = page(explanation)
    style, body = STYLE.search(text), BODY.search(text)
    assert style is not None and body is not None
    inside = body[1]
    own = hashlib.sha256(inside.encode()).hexdigest()[:8]  # two explanations in one notebook have the same parts
    inside = re.sub(r'(\bid=")', rf"\g<1>{SCOPE}-{own}-", inside)
    inside = re.sub(r'(href="#)', rf"\g<1>{SCOPE}-{own}-", inside)
    if inside.count("<details open") > MANY:
        inside = inside.replace("<details open", "<details")
    return f'<div class="{SCOPE}"><style>{scoped(style[1])}</style>{inside}</div>'


def scoped(style: str) -> str:
    """A style sheet that counts below one class only: what is said of the page is said of that element.

    >>> scoped("body { margin: 0; max-width: 9rem; color: red } h1 { color: blue }")
    '.byhand-step {\\n&  { color: red } h1 { color: blue }\\n}'
    """
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.S)
    style = re.sub(r"@page\s*\{[^}]*\}", "", style)
    style = re.sub(r"(?m)^(\s*)html\s*\{[^}]*\}", r"\1", style)
    style = re.sub(r":root\b|(?<![\w.#-])body(?=[\s{,])", "& ", style)
    style = re.sub(r"(& \s*\{)([^}]*)", lambda found: found[1] + re.sub(r"\s*\b(margin|max-width):[^;}]*;", "", found[2]), style)
    return f".{SCOPE} {{\n{style.strip()}\n}}"

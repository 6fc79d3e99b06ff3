"""An explanation in a notebook: the page's three columns, in a style that reaches nothing else of the notebook.

Jupyter calls `_repr_html_` of what a cell returns. The style is nested under one class, as browsers know it since 2023.
"""

from __future__ import annotations

import hashlib
import html
import re
from typing import Any

from byhand.see.made import Made
from byhand.see.mathml import mathml

SCOPE = "byhand-step"
STYLE = re.compile(r"<style>(.*?)</style>", re.S)
BODY = re.compile(r"<body>(.*)</body>", re.S)
MANY = 24  # sections; of more, all begin folded


def html_of(explanation: Any) -> str:
    """The explanation as HTML for a notebook's cell."""
    from byhand.see.page import page

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


def terms_html(made: Made) -> str:
    """What a number was made of, as a table."""
    rows = "".join(
        f"<tr><td>{' · '.join(mathml(factor.symbol) for factor in term.factors)}</td>"
        f"<td>{' · '.join(f'{factor.value:.5g}' for factor in term.factors)}</td><td>{term.value:+.6g}</td></tr>"
        for term in made.terms
    )
    rest = f"<tr><td>and {made.others:,} further terms</td><td></td><td>{made.rest:+.6g}</td></tr>" if made.others else ""
    heads = "<tr><th>term</th><th>in numbers</th><th>value</th></tr>"
    table = f"<table><thead>{heads}</thead><tbody>{rows}{rest}</tbody></table>" if made.terms else ""
    note = f"<p>{html.escape(made.note)}</p>" if made.note else ""
    equation = f"<p>{mathml(made.equation)}</p>" if made.equation else ""
    return f"<div><p>{mathml(made.symbol)} = <b>{made.value:.9g}</b></p>{equation}{table}{note}</div>"


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

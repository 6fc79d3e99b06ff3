"""What all pages have in common: the head of the document, and the header with links to the other pages.

A page in `page/` has a comment where each of the two goes; whoever gives pages out (`site`, the server, a watched loop, a
recorded training) puts them in, and says which pages there are.
"""

from __future__ import annotations

import html
from collections.abc import Collection
from typing import NamedTuple

CURRENT = ' aria-current="page"'
HEAD_HERE, NAVIGATION_HERE = "<!-- head -->\n", "<!-- navigation -->\n"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'"
)
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='7' "
    "fill='%23191a1f'/%3E%3Cpath d='M10 9h12L14 24' fill='none' stroke='%23ffc86b' stroke-width='3.4' stroke-linecap='round' "
    "stroke-linejoin='round'/%3E%3C/svg%3E"
)


class View(NamedTuple):
    """A page: how the navigation names it, and the script that it begins with."""

    name: str
    script: str


VIEWS = {  # by their files, in the order in which the navigation has them
    "index.html": View("Draw", "draw.js"),
    "latent.html": View("Walk", "latent.js"),
    "write.html": View("Write", "write.js"),
    "train.html": View("Train", "train.js"),
    "microscope.html": View("Microscope", "microscope.js"),
}


def head(policy: str = POLICY) -> str:
    """What stands at the top of every document's head; policy: what the page may load, and from where."""
    return (
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy, quote=False)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<link rel="icon" href="{ICON}">\n'
    )


def navigation(current: str | None, present: Collection[str] = (), *, brand: str = "byhand", above: str = "") -> str:
    """The name of the program, and links to those of VIEWS that are `present`, where there is more than the current one.

    >>> print(navigation("latent.html", ["index.html", "latent.html", "train.js"]), end="")
      <p class="brand">byhand</p>
      <nav class="views" aria-label="Views"><a href="index.html">Draw</a><a href="latent.html" aria-current="page">Walk</a></nav>

    above: what leads from the current page's address up to where the pages are, as `../`.
    """
    links = [
        f'<a href="{above}{file}"{CURRENT if file == current else ""}>{view.name}</a>'
        for file, view in VIEWS.items()
        if file in present
    ]
    name = f'  <p class="brand">{html.escape(brand)}</p>\n'
    if not set(VIEWS) & set(present) - {current}:
        return name
    return f'{name}  <nav class="views" aria-label="Views">{"".join(links)}</nav>\n'


PRINTED = """<style>
.views { display: flex; flex-wrap: wrap; gap: 0.3rem 1.1rem; } .views a { color: var(--accent); padding: 0.3rem 0; }
.brand { font-style: italic; margin: 0 1.4rem 0 0; } .masthead { display: flex; flex-wrap: wrap; align-items: baseline; }
@media print { .masthead { display: none; } }
</style>
"""


def above_printed(page: str, navigation: str) -> str:
    """A page that has a style of its own, as the printed step, with the navigation above it; on paper there is none."""
    page = page.replace("</head>", f"{PRINTED}</head>", 1)
    return page.replace("<body>\n", f'<body>\n<div class="masthead">\n{navigation}</div>\n', 1)


def framed(page: str, navigation: str, policy: str = POLICY) -> str:
    """A page with its head and navigation put in."""
    return page.replace(HEAD_HERE, head(policy), 1).replace(NAVIGATION_HERE, navigation, 1)

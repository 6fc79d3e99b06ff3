"""Python source as HTML, coloured by the standard library's own tokenizer."""

from __future__ import annotations

import html
import io
import keyword
import tokenize

KINDS = {tokenize.STRING: "str", tokenize.COMMENT: "com", tokenize.NUMBER: "num"}


def highlighted(code: str) -> list[str]:
    """The lines of the code as HTML, with a span around what has a colour; a line it cannot read stays plain.

    >>> highlighted("return 1  # one")
    ['<span class="kw">return</span> <span class="num">1</span>  <span class="com"># one</span>']
    """
    lines = code.splitlines()
    spans: dict[int, list[tuple[int, int, str]]] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            kind = KINDS.get(token.type, "kw" if keyword.iskeyword(token.string) else "")
            if kind and token.start[0] == token.end[0]:
                spans.setdefault(token.start[0], []).append((token.start[1], token.end[1], kind))
    except (tokenize.TokenError, IndentationError):
        spans.clear()
    return [_line(line, spans.get(number, [])) for number, line in enumerate(lines, start=1)]


def _line(line: str, spans: list[tuple[int, int, str]]) -> str:
    parts, end = [], 0
    for start, stop, kind in spans:
        parts.append(html.escape(line[end:start], quote=False))
        parts.append(f'<span class="{kind}">{html.escape(line[start:stop], quote=False)}</span>')
        end = stop
    return "".join(parts) + html.escape(line[end:], quote=False)

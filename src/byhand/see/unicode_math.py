r"""LaTeX as plain text in Unicode, for terminals: \delta^l becomes δˡ.

It knows the LaTeX that this package writes, not all of it; a command that it does not know stays as its name.
"""

from __future__ import annotations

import re

SYMBOLS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε", "eta": "η", "pi": "π",
    "lambda": "λ", "mu": "μ", "rho": "ρ", "sigma": "σ", "theta": "θ", "Delta": "Δ", "nabla": "∇", "partial": "∂", "sum": "∑",
    "top": "ᵀ", "odot": "⊙", "cdot": "·", "times": "×", "leftarrow": "←", "approx": "≈", "ge": "≥", "le": "≤", "infty": "∞",
    "ldots": "…", "dots": "…", "in": "∈", "neg": "¬", "sim": "∼", "lVert": "‖", "rVert": "‖", "pm": "±", "lfloor": "⌊",
    "rfloor": "⌋", "sin": "sin", "cos": "cos", "quad": "  ", "qquad": "    ", "ln": "ln ", "max": "max", "min": "min",
    "tanh": "tanh", "left": "", "right": "", "\\\\": ";", ",": " ", ";": " ", ":": " ", "!": "", " ": " ", "%": "%",
    "{": "{", "}": "}", "_": "_", "prime": "′",
}  # fmt: skip
ABOVE = dict(zip("0123456789+-=()abcdefghijklmnoprstuvwxyzLTᵀ'′", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴸᵀᵀ′′", strict=True))
BELOW = dict(zip("0123456789+-=()aehijklmnoprstuvx,", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ,", strict=True))
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}^_]|\s+|.", re.DOTALL)

MARKS = {"hat": "\u0302", "tilde": "\u0303"}  # they stand over the letter before them


def plain(latex: str) -> str:
    r"""The formula on one line.

    >>> plain(r"\delta^l = \delta^{l+1} w^{l+1} \odot \sigma'(z^l)")
    "δˡ = δˡ⁺¹ wˡ⁺¹ ⊙ σ'(zˡ)"
    >>> plain(r"\frac{1}{1 + e^{-z}}")
    '1/(1 + e⁻ᶻ)'
    """
    text = _sequence(TOKEN.findall(latex))
    text = re.sub(r"([∂∇]) (?=\w)|(?<=\s)(‖) (?=\S)", r"\1\2", text)
    return re.sub(r"(?<=\S) {2}(?=\S)", " ", re.sub(r" {3,}", "   ", text)).strip()


def _sequence(tokens: list[str]) -> str:
    """Text of the tokens up to an unopened brace; takes them from the list."""
    parts: list[str] = []
    while tokens and tokens[0] != "}":
        if tokens[0] in "^_" and parts:
            raised = tokens.pop(0) == "^"
            parts.append(_script(_atom(tokens), raised))
        else:
            parts.append(_atom(tokens))
    return "".join(parts)


def _atom(tokens: list[str]) -> str:
    """Text of one token, group or command with its arguments."""
    while tokens and tokens[0].isspace() and len(tokens) > 1 and tokens[1] in "^_":
        tokens.pop(0)
    token = tokens.pop(0) if tokens else ""
    if token == "{":
        inner = _sequence(tokens)
        if tokens:
            tokens.pop(0)
        return inner
    if not token.startswith("\\"):
        return " " if token.isspace() else token
    name = token[1:]
    if name in {"frac", "tfrac"}:
        return f"{_bracketed(_argument(tokens))}/{_bracketed(_argument(tokens))}"
    if name == "sqrt":
        inner = _argument(tokens)
        return f"√({inner})" if re.search(r"[^\w.\u0302]", inner) else f"√{inner}"
    if name in MARKS:
        return f"{_argument(tokens)}{MARKS[name]}"
    if name in {"bar", "overline"}:
        inner = _argument(tokens)
        return f"{inner}\u0304" if len(inner) == 1 else f"mean({inner})"
    if name == "mathrel":
        return _argument(tokens)
    if name in {"begin", "end"}:  # of cases
        _verbatim(tokens)
        return "{" if name == "begin" else "}"
    if name in {"text", "operatorname", "mathrm"}:
        return _verbatim(tokens)
    if name in SYMBOLS:
        if name == "ln":  # the blank after it is the symbol's own
            _skip_blanks(tokens)
        return SYMBOLS[name]
    return name


def _argument(tokens: list[str]) -> str:
    _skip_blanks(tokens)
    return _atom(tokens)


def _skip_blanks(tokens: list[str]) -> None:
    while tokens and tokens[0].isspace():
        tokens.pop(0)


def _verbatim(tokens: list[str]) -> str:
    """The text between the braces, blanks and all."""
    if tokens and tokens[0] == "{":
        end = tokens.index("}") if "}" in tokens else len(tokens)
        text = "".join(tokens[1:end])
        del tokens[: end + 1]
        return text
    return ""


def _script(text: str, raised: bool) -> str:
    table = ABOVE if raised else BELOW
    compact = text.replace(" ", "")
    if compact and all(letter in table for letter in compact):
        return "".join(table[letter] for letter in compact)
    mark = "^" if raised else "_"
    return f"{mark}{text}" if len(text) == 1 else f"{mark}({text})"


def _bracketed(text: str) -> str:
    """In brackets where a reader would otherwise misread the fraction: all but a number, a name or a differential."""
    one = re.fullmatch(r"[\d.,]+|(?:∂ ?)?[^\W\d][^ ·/+\-(]*", text)
    return text if one or re.fullmatch(r"\([^()]*\)", text) else f"({text})"

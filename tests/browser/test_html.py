"""The pages' one builder of elements: text stays text, markup from the server is rebuilt, and focus survives a redraw."""

from __future__ import annotations

from typing import Any

import pytest

from byhand.see.highlight import highlighted
from byhand.see.mathml import mathml

pytestmark = pytest.mark.browser

EVIL = '<img src=x onerror="window.harmed = 1"><script>window.harmed = 1</script>'


def built(page: Any, code: str, *arguments: Any) -> Any:
    return page.run(f'const html = await import("/html.js"); const {{ element }} = html; {code}', *arguments)


def test_what_is_put_in_as_text_stays_text(page: Any) -> None:
    code = """
      const made = element("li", args[0], args[0], element("b", { title: args[0] }, args[0]), 0, null, false, "", [1, args[0]]);
      document.body.append(made);
      await new Promise((done) => setTimeout(done, 50));
      const found = [made.textContent, made.className, made.querySelector("b").title, made.querySelectorAll("*").length];
      made.remove();
      return [...found, window.harmed ?? 0];
    """
    assert built(page, code, EVIL) == [EVIL + EVIL + "01" + EVIL, EVIL, EVIL, 1, 0]


def test_attributes_properties_data_and_a_selects_value(page: Any) -> None:
    code = """
      let clicked = 0;
      const button = element("button", { class: "a b", type: "button", disabled: false, hidden: true, "aria-label": "x",
        title: null, data: { unit: 3 }, onclick: () => (clicked += 1) }, "press");
      button.click();
      const select = element("select", { value: "2" }, html.option(1, "one"), html.option(2, "two"));
      return [button.outerHTML, clicked, select.value];
    """
    outer = '<button class="a b" type="button" hidden="" aria-label="x" data-unit="3">press</button>'
    assert built(page, code) == [outer, 1, "2"]


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("onclick", "harm()", "onclick must be a function, got string"),
        ("onError", "harm()", "onError must be a function, got string"),
        ("srcdoc", "<p>", "srcdoc must be a function, got string"),
        ("href", " JavaScript:harm()", "href must be an address, got code"),
    ],
)
def test_no_text_becomes_code(page: Any, name: str, given: str, told: str) -> None:
    code = "try { element('a', { [args[0]]: args[1] }); return ''; } catch (error) { return error.message; }"
    assert built(page, code, name, given) == told


@pytest.mark.parametrize(
    "latex", ["z^l_j = \\sum_k w_{jk} a_k + b_j", r"\frac{\partial C}{\partial w}", r"\sqrt{\bar\alpha_t}\, x_0"]
)
def test_a_formula_of_the_server_is_rebuilt_as_it_is(page: Any, latex: str) -> None:
    code = """
      const parsed = new DOMParser().parseFromString(args[0], "text/html").body.firstChild;
      const [made, ...more] = html.parseFormula(args[0]);
      return [made.isEqualNode(parsed), made.namespaceURI, more.length];
    """
    assert built(page, code, mathml(latex, display=True)) == [True, "http://www.w3.org/1998/Math/MathML", 0]


def test_source_keeps_its_colours_and_nothing_else_passes(page: Any) -> None:
    [line] = highlighted('if a < b: return "<b>"  # & so on')
    code = """
      const [line, formula] = [html.parseSource(args[0]), html.parseFormula(args[1])].map((nodes) => element("p", "", nodes));
      return [line.innerHTML, formula.innerHTML, window.harmed ?? 0];
    """
    evil = f'<math onclick="harm()"><mi href="javascript:harm()">x</mi>{EVIL}</math>{EVIL}'
    found, formula, harmed = built(page, code, line + EVIL, evil)
    assert found == line
    assert formula == "<math><mi>x</mi></math>"
    assert harmed == 0


def test_focus_stays_in_its_place_when_a_list_is_drawn_anew(page: Any) -> None:
    code = """
      const list = document.body.appendChild(element("ul"));
      const show = (n) => html.redraw(list, Array.from({ length: n }, (_, k) => element("li", "", element("button", "", k))));
      show(3);
      list.querySelectorAll("button")[1].focus();
      const before = document.activeElement;
      show(3);
      const found = [document.activeElement.textContent, document.activeElement !== before];
      show(1);
      found.push(document.activeElement === document.body);
      list.remove();
      return found;
    """
    assert built(page, code) == ["1", True, True]


def test_a_control_that_is_switched_off_and_on_again_keeps_the_focus_unless_one_has_gone_elsewhere(page: Any) -> None:
    code = """
      const [one, other] = [element("button"), element("button")];
      document.body.append(one, other);
      const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      const found = [];
      for (const elsewhere of [false, true]) {
        one.focus();
        html.enable(one, false);
        await frame();
        if (elsewhere) other.focus();
        html.enable(one, true);
        found.push(document.activeElement === one);
      }
      one.remove();
      other.remove();
      return found;
    """
    assert built(page, code) == [True, False]

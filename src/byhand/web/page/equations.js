// The equations of the page in MathML, written once; the numbers beside them are the drawing's.

const i = (name) => `<mi>${name}</mi>`;
const o = (sign) => `<mo>${sign}</mo>`;
const row = (...parts) => `<mrow>${parts.join("")}</mrow>`;
const sup = (base, above) => `<msup>${base}${above}</msup>`;
const sub = (base, below) => `<msub>${base}${below}</msub>`;
const both = (base, below, above) => `<msubsup>${base}${below}${above}</msubsup>`;
const part = (top, bottom) => `<mfrac>${row(o("∂"), top)}${row(o("∂"), bottom)}</mfrac>`;
const math = (...parts) => `<math display="block">${row(...parts)}</math>`;

const L = i("L");
const l = i("l");
const j = i("j");
const k = i("k");
const next = row(l, o("+"), "<mn>1</mn>");
const before = row(l, o("−"), "<mn>1</mn>");
const jk = row(j, k);
const slope = (layer) => row(sup(i("σ"), o("′")), o("("), sup(i("z"), layer), o(")"));

/** z_j = sum of w_jk a_k, plus b_j */
export const WEIGHTED_INPUT = math(
  sub(i("z"), j), o("="), `<munder>${o("∑")}${k}</munder>`, sub(i("w"), jk), sub(i("a"), k), o("+"), sub(i("b"), j),
);

/** Nielsen's four, in the order in which they run. `costName` and the last activation decide how BP1 comes out. */
export const BP = {
  1: math(sup(i("δ"), L), o("="), sub(o("∇"), i("a")), i("C"), o("⊙"), slope(L)),
  2: math(
    sup(i("δ"), l), o("="), o("("), sup(row(o("("), sup(i("w"), next), o(")")), i("⊤")), sup(i("δ"), next), o(")"),
    o("⊙"), slope(l),
  ),
  3: math(part(i("C"), both(i("b"), j, l)), o("="), both(i("δ"), j, l)),
  4: math(part(i("C"), both(i("w"), jk, l)), o("="), both(i("a"), k, before), both(i("δ"), j, l)),
};

/** BP1 where cross-entropy cancels the slope. */
export const BP1_CANCELLED = math(sup(i("δ"), L), o("="), sup(i("a"), L), o("−"), i("y"));

/** The step itself. */
export const STEP = math(i("w"), o("→"), i("w"), o("−"), i("η"), part(i("C"), i("w")));

const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

/** An equation in its box. One that is wider than the box can be scrolled, and so it can be reached by the keyboard. */
export function boxed(equation, className = "formula") {
  const box = document.createElement("div");
  box.className = className;
  box.innerHTML = equation;
  widths.observe(box);
  return box;
}

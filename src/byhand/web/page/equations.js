// The equations of the page in MathML, written once; the numbers beside them are the drawing's.

import { mathml } from "./html.js";

const i = (name) => mathml("mi", name);
const o = (sign) => mathml("mo", sign);
const row = (...parts) => mathml("mrow", ...parts);
const sup = (base, above) => mathml("msup", base, above);
const sub = (base, below) => mathml("msub", base, below);
const both = (base, below, above) => mathml("msubsup", base, below, above);
const part = (top, bottom) => mathml("mfrac", row(o("∂"), top), row(o("∂"), bottom));

function math(...parts) {
  const made = mathml("math", row(...parts));
  made.setAttribute("display", "block");
  return made;
}

const L = () => i("L");
const l = () => i("l");
const j = () => i("j");
const k = () => i("k");
const jk = () => row(j(), k());
const next = () => row(l(), o("+"), mathml("mn", "1"));
const before = () => row(l(), o("−"), mathml("mn", "1"));
const slope = (layer) => row(sup(i("σ"), o("′")), o("("), sup(i("z"), layer), o(")"));

/** z_j = sum of w_jk a_k, plus b_j */
export const weightedInput = () => math(
  sub(i("z"), j()), o("="), mathml("munder", o("∑"), k()), sub(i("w"), jk()), sub(i("a"), k()), o("+"), sub(i("b"), j()),
);

/** Nielsen's four, in the order in which they run. The cost and the last activation decide how BP1 comes out. */
export const BP = {
  1: () => math(sup(i("δ"), L()), o("="), sub(o("∇"), i("a")), i("C"), o("⊙"), slope(L())),
  2: () => math(
    sup(i("δ"), l()), o("="), o("("), sup(row(o("("), sup(i("w"), next()), o(")")), i("⊤")), sup(i("δ"), next()), o(")"),
    o("⊙"), slope(l()),
  ),
  3: () => math(part(i("C"), both(i("b"), j(), l())), o("="), both(i("δ"), j(), l())),
  4: () => math(part(i("C"), both(i("w"), jk(), l())), o("="), both(i("a"), k(), before()), both(i("δ"), j(), l())),
};

/** BP1 where cross-entropy cancels the slope. */
export const cancelledBP1 = () => math(sup(i("δ"), L()), o("="), sup(i("a"), L()), o("−"), i("y"));

/** The step itself. */
export const gradientStep = () => math(i("w"), o("→"), i("w"), o("−"), i("η"), part(i("C"), i("w")));

// Numbers as the page writes them: a real minus sign, three digits that matter.

/** About three significant digits, or fixed decimals where columns should line up. */
export function number(value, decimals) {
  let text;
  if (decimals !== undefined) text = value.toFixed(decimals);
  else if (value === 0) text = "0";
  else if (Math.abs(value) >= 1000 || Math.abs(value) < 0.001) text = value.toExponential(1).replace("e", "·10^");
  else text = value.toPrecision(3);
  const [mantissa, power] = text.split("·10^");
  const raised = power ? `·10${[...power.replace("+", "")].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("")}` : "";
  return mantissa.replace("-", "−") + raised;
}

/** A share of one as a percentage that never claims more than it is. */
export function percent(value) {
  const points = 100 * value;
  if (points > 99.9 && points < 100) return "99.9 %";
  return `${points.toFixed(points >= 99.95 || points < 0.05 ? 0 : 1)} %`;
}

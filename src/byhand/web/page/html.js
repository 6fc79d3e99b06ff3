// The one way in which these pages make elements. Whatever is put in as text stays text: no string is ever read as HTML, so that a
// class named <b>both</b>, or a file name from somebody else, needs no escaping and can do no harm.

const MATHML = "http://www.w3.org/1998/Math/MathML";
// What markup from the server may hold: elements of formulas, and attributes that neither load nor run anything.
const FORMULA = new Set("math mrow mi mn mo mtext mspace msup msub msubsup munder mover munderover mfrac msqrt mroot mtable mtr mtd mstyle mpadded mphantom".split(" "));
const HARMLESS = new Set("class alttext display displaystyle scriptlevel stretchy fence form lspace rspace width height depth voffset minsize maxsize separator accent accentunder movablelimits largeop symmetric mathvariant linethickness columnalign columnspacing rowspacing columnspan rowspan intent".split(" "));

/**
 * An element, as `element("li", "wrong", "read as ", element("b", "", answer))`.
 *
 * `given` is its class, or an object of attributes: functions are properties (`onclick`), true and false put an attribute there or
 * leave it away, `data` is its dataset. Children are elements or what is shown as text; null, false and "" are left out.
 */
export function element(tag, given = "", ...children) {
  const made = document.createElement(tag);
  const { data, value, ...attributes } = typeof given === "string" ? { class: given } : given;
  for (const [name, worth] of Object.entries(attributes)) set(made, name, worth);
  Object.assign(made.dataset, data);
  made.append(...shown(children));
  if (value !== undefined) made.value = value; // after the children: a select needs its options first
  return made;
}

/** An option of a select. */
export function option(value, text = value) {
  return element("option", { value }, text);
}

/** Put the children in place of what `root` holds. Keyboard focus stays on the element that comes to stand in the same place. */
export function redraw(root, ...children) {
  const path = root.contains(document.activeElement) && root !== document.activeElement ? pathTo(document.activeElement, root) : null;
  root.replaceChildren(...shown(children));
  if (path) path.reduce((found, k) => found?.children[k], root)?.focus({ preventScroll: true });
}

/** Let a control be used, or not. A browser takes the focus from one that is switched off: it comes back when it is on again. */
export function enable(control, yes) {
  if (!yes && document.activeElement === control) waiting = control;
  control.disabled = !yes;
  if (!yes || waiting !== control) return;
  waiting = null;
  if (document.activeElement === document.body || document.activeElement === null) control.focus({ preventScroll: true });
}
let waiting = null; // the control that had the focus when it was switched off

/** A MathML element. */
export function mathml(tag, ...children) {
  const made = document.createElementNS(MATHML, tag);
  made.append(...shown(children));
  return made;
}

/** The formulas in a text of MathML from the server, built anew from MathML's own elements; whatever else stands in it is left out. */
export function parseFormula(text) {
  return rebuilt(text, (node) => (FORMULA.has(node.localName) ? mathml(node.localName) : null));
}

/** A line of source from the server with a span around what has a colour; whatever else stands in it is left out. */
export function parseSource(text) {
  return rebuilt(text, (node) => (node.localName === "span" ? element("span") : null));
}

/** The nodes of a text of markup as `make` makes each anew; text stays, elements that it does not make are left out whole. */
function rebuilt(text, make) {
  const copy = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    const made = node.nodeType === Node.ELEMENT_NODE ? make(node) : null;
    if (!made) return null;
    for (const { name, value } of node.attributes) if (HARMLESS.has(name)) made.setAttribute(name, value);
    made.append(...shown([...node.childNodes].map(copy)));
    return made;
  };
  // A document of its own, in which no script runs and nothing is fetched.
  return shown([...new DOMParser().parseFromString(text, "text/html").body.childNodes].map(copy));
}

function set(made, name, worth) {
  if (typeof worth === "function") made[name] = worth;
  else if (/^on|^srcdoc$/i.test(name)) throw new TypeError(`${name} must be a function, got ${typeof worth}`);
  else if (/^\s*javascript:/i.test(worth)) throw new TypeError(`${name} must be an address, got code`);
  else if (worth === true) made.setAttribute(name, "");
  else if (worth !== false && worth !== null && worth !== undefined && !(name === "class" && worth === "")) made.setAttribute(name, worth);
}

function shown(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== "");
}

function pathTo(inside, root) {
  const path = [];
  for (let at = inside; at !== root; at = at.parentElement) path.unshift([...at.parentElement.children].indexOf(at));
  return path;
}

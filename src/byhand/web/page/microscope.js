// The microscope: one step held still by the server, walked operation by operation, from the network down to a number and what it
// was made of. Where one is stands in the address, so that the browser's own Back and a reload work.

import { element } from "./outputs.js";
import { Lens, paintLevels } from "./lens.js";
import { exact, formula, showPushers, showTerms } from "./terms.js";
import { themeButton } from "./theme.js";
import { bytes, paintGrey } from "./tiles.js";

const $ = (id) => document.getElementById(id);
const MOST_CARDS = 100; // operations; of more the whole shows a card a layer
const STAGES = [["forward", "Forward"], ["cost", "Cost"], ["backward", "Backward"], ["update", "Update"]];

let step = null; // the outline of the step that is held
let operation = null; // the one that is shown, with its arrays
let shown = null; // the array that is shown, and its map
let lens = null;
let seen = null; // the address of the number that was shown last; null until the page stands
let turn = 0; // of what was asked last: a late answer to an earlier question is not shown

// ---------------------------------------------------------------- the server

/** An answer of the server; raises an Error with its one line where it refuses. */
async function ask(what, given = {}) {
  const query = new URLSearchParams(step && what !== "open" ? { look: step.look, ...given } : given);
  let answer;
  try {
    answer = await fetch(`api/microscope/${what}?${query}`);
  } catch {
    throw new Error("The server does not answer. Is byhand still running?");
  }
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

function complain(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

/** Run something that may be refused, and say so in one line. */
async function trying(action) {
  try {
    complain("");
    return await action();
  } catch (error) {
    complain(error.message);
    return null;
  } finally {
    document.documentElement.dataset.busy = "no";
  }
}

// ---------------------------------------------------------------- where one is

/** What the address says: {group} of a layer, or {k, array, sample, maps, at} of an operation, all but k optional. */
function place() {
  const given = new URLSearchParams(location.hash.slice(1));
  const found = { group: given.get("group"), k: given.has("k") ? Number(given.get("k")) : null, array: given.get("array"), part: Number(given.get("part") ?? 0) };
  found.sample = given.get("sample") ?? "0";
  found.maps = new Map((given.get("maps") ?? "").split(",").filter(Boolean).map((pair) => pair.split(":").map(Number)));
  found.at = given.has("at") ? given.get("at").split(",").filter(Boolean).map((k) => (k === "mean" ? k : Number(k))) : null;
  return found;
}

function address({ group, k, array, sample, maps, at, part }) {
  const given = new URLSearchParams();
  if (group) given.set("group", group);
  if (k !== null && k !== undefined) given.set("k", k);
  if (array) given.set("array", array);
  if (sample && sample !== "0") given.set("sample", sample);
  if (maps?.size) given.set("maps", [...maps].map((pair) => pair.join(":")).join(","));
  if (part) given.set("part", part);
  if (at) given.set("at", at.join(","));
  return `#${given}`;
}

/** Go somewhere; replace: without a step for the browser's Back. */
function go(where, replace = false) {
  const hash = address(where);
  if (hash === location.hash || (hash === "#" && !location.hash)) return null;
  document.documentElement.dataset.busy = "yes";
  if (replace) {
    history.replaceState(null, "", hash);
    return render();
  }
  location.hash = hash;
  return null;
}

const walk = (by) => {
  const here = place();
  const to = here.k === null ? (by > 0 ? firstOf(here.group) : null) : here.k + by;
  if (to !== null && to >= 0 && to < step.operations.length) go({ k: to, sample: here.sample });
};
const firstOf = (group) => (group ? step.operations.findIndex((one) => one.group === group) : 0);

/** One level up: from the number to its operation, its layer, the whole. */
function up() {
  const here = place();
  if (here.at) go({ ...here, at: null });
  else if (here.k !== null) go({ group: step.operations[here.k].group, sample: here.sample });
  else if (here.group) go({ sample: here.sample });
}

/** The number that a factor is: its operation, its map, and itself. */
const follow = ({ name, at }) => go({ k: step.owners[name], array: name, sample: sampleOf(name, at), at });

/** The sample to go on with: that of the number, where its array has one. */
function sampleOf(name, at) {
  return step.batch.includes(name) && at.length ? String(at[0]) : place().sample;
}

// ---------------------------------------------------------------- what is shown

async function render() {
  if (!step) return;
  const here = place();
  const now = (turn += 1);
  document.documentElement.dataset.busy = "yes";
  const known = here.k !== null && here.k >= 0 && here.k < step.operations.length;
  bar(here, known);
  $("network").hidden = known;
  $("bench").hidden = !known;
  if (!known) {
    cards(here.group);
    document.documentElement.dataset.busy = "no";
    document.documentElement.dataset.at = here.group ? "layer" : "network";
    return;
  }
  await trying(async () => {
    if (operation?.k !== here.k) {
      const found = await ask("operation", { k: here.k });
      if (now !== turn) return;
      operation = { ...found, k: here.k };
      texts();
    }
    const array = operation.arrays.find((one) => one.name === here.array) ?? operation.arrays[0];
    if (here.array && array.name !== here.array) {
      if (step.owners[here.array] === undefined) throw new Error(`This step has no array ${here.array}: choose one of those that are shown.`);
      await go({ ...here, k: step.owners[here.array] }, true);
      return;
    }
    const fixed = array.choosers.map(({ axis, n }) => [axis, mapOf(here, array, axis, n)]);
    const found = await ask("picture", { name: array.name, fixed: fixed.map((pair) => pair.join(":")).join(","), part: here.part });
    if (now !== turn) return;
    shown = { array, fixed: new Map(fixed), found };
    map(here);
    if (here.at) {
      const made = await ask("made", { name: array.name, at: here.at.join(",") });
      if (now !== turn) return;
      await showMade(made, now);
    } else $("made").hidden = true;
    document.documentElement.dataset.at = here.at ? "number" : "operation";
    document.documentElement.dataset.k = here.k;
  });
}

/** Which map of an array is shown along an axis: the number's own, or the chosen one. */
function mapOf(here, array, axis, n) {
  const wanted = here.at && here.array === array.name ? here.at[axis] : axis === 0 && step.batch.includes(array.name) ? here.sample : (here.maps.get(axis) ?? 0);
  if (wanted === "mean") return array.mean && axis === 0 ? "mean" : 0;
  return Math.min(Math.max(Number(wanted) || 0, 0), n - 1);
}

function bar(here, known) {
  const one = known ? step.operations[here.k] : null;
  $("previous").disabled = !known || here.k === 0;
  $("next").disabled = known && here.k === step.operations.length - 1;
  for (const button of $("stages").children) button.setAttribute("aria-pressed", String(one?.stage === button.dataset.stage));
  const crumbs = [["Network", { sample: here.sample }]];
  const group = one?.group ?? here.group;
  if (group) crumbs.push([group, { group, sample: here.sample }]);
  if (one) crumbs.push([one.title, { ...here, at: null }]);
  if (one && here.at) crumbs.push([`${here.array ?? one.array}${here.at.length ? ` [${here.at.join(", ")}]` : ""}`, here]);
  $("crumbs").replaceChildren(
    ...crumbs.map(([name, where], n) => {
      const item = element("li");
      const link = Object.assign(element("a", "", name), { href: address(where) });
      if (n === crumbs.length - 1) link.setAttribute("aria-current", "location");
      item.append(link);
      return item;
    }),
  );
  $("said").textContent = one ? `${one.title}: operation ${here.k + 1} of ${step.operations.length}` : "The whole step";
  $("back").disabled = history.length < 2;
  document.documentElement.dataset.at = "";
}

/** Small pictures of every operation, of the whole or of one layer. */
function cards(only) {
  $("network-title").textContent = only ?? "The whole step";
  const parts = STAGES.map(([stage, title]) => {
    const inside = step.operations.map((one, k) => ({ ...one, k })).filter((one) => one.stage === stage && (!only || one.group === only));
    if (!inside.length) return null;
    const section = element("section", "stage-part");
    section.append(element("h3", "", title));
    const list = element("ol", "cards");
    list.append(...(only || step.operations.length <= MOST_CARDS ? inside.map((one) => card(one, only)) : layersOf(inside)));
    section.append(list);
    return section;
  });
  $("cards").replaceChildren(...parts.filter(Boolean));
}

/** Of a large network a card a layer: the last of its operations, and how many there are. */
function layersOf(inside) {
  const groups = new Map();
  for (const one of inside) groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  return [...groups].map(([group, every]) => {
    const item = card(every.at(-1));
    const [link, named, about] = [item.firstChild, ...item.querySelectorAll("b, span")];
    link.href = address({ group, sample: place().sample });
    link.title = group;
    named.textContent = group;
    about.textContent = every.length === 1 ? "1 operation" : `${every.length} operations`;
    return item;
  });
}

/** The picture of one operation; within its layer the layer is not named again. */
function card({ k, title, short, about, shape, thumb, group }, only) {
  const item = element("li");
  const link = Object.assign(element("a", "one"), { href: address({ k, sample: place().sample }), title });
  const canvas = document.createElement("canvas");
  paintLevels(canvas, new Int8Array(bytes(thumb.levels).buffer), thumb.rows, thumb.columns);
  canvas.classList.toggle("flat", thumb.rows * 3 < thumb.columns);
  const inside = only && (short.startsWith(`${group}.`) || short.startsWith(`${group}/`)) ? short.slice(group.length + 1) : short;
  const name = element("b");
  inside.replaceAll("_", " ").split(/(?<=\.)/).forEach((part) => name.append(part, document.createElement("wbr")));
  link.append(canvas, name, element("span", "", about === inside ? "" : about), element("span", "", shape.join(" × ") || "one number"));
  item.append(link);
  return item;
}

/** Equation and source of the operation. */
function texts() {
  $("bench-title").textContent = operation.title;
  $("equations").replaceChildren(...operation.equations.map((equation) => scrolling(formula(equation, "equation"))));
  $("shapes").textContent = operation.shapes.replace("->", "→");
  $("reference").textContent = [operation.reference, operation.note].filter(Boolean).join(". ");
  $("source").replaceChildren(
    ...operation.source.flatMap(({ place: where, lines }) => {
      const code = element("pre");
      code.tabIndex = 0;
      code.setAttribute("aria-label", `Source, ${where}`);
      code.setAttribute("role", "region");
      let before = null;
      for (const [number, text] of lines) {
        if (before !== null && number !== before + 1) code.append(element("span", "line skipped", "⋮"));
        const line = element("span", "line");
        const code_ = element("code");
        code_.innerHTML = text;
        line.append(element("span", "at", String(number)), code_);
        code.append(line);
        before = number;
      }
      return [element("p", "where", where), code];
    }),
  );
}

const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const [inside] = target.children;
    inside.style.fontSize = "1em";
    const fits = target.clientWidth / inside.firstChild.getBoundingClientRect().width;
    if (fits < 1) inside.style.fontSize = `${Math.max(0.7, fits)}em`;
    if (target.scrollWidth > target.clientWidth + 1) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

/** A box for an equation: one that is wider is set smaller, and what still is can be scrolled, by keys too. */
function scrolling(inside) {
  const box = element("div", "formula");
  box.append(inside);
  widths.observe(box);
  return box;
}

/** The numbers of the chosen array. */
function map(here) {
  const { array, fixed, found } = shown;
  $("arrays").replaceChildren(
    ...operation.arrays.map((one) => {
      const button = element("button", "array");
      button.type = "button";
      button.append(formula(one.symbol), element("span", "", one.name));
      button.setAttribute("aria-pressed", String(one.name === array.name));
      button.onclick = () => go({ ...here, array: one.name, at: null, maps: null, part: 0 });
      return button;
    }),
  );
  $("about").textContent = `${array.about}; ${array.shape.join(" × ") || "one number"}`;
  $("choosers").replaceChildren(...array.choosers.map((one) => chooser(here, array, one, fixed.get(one.axis))), ...parts(here, found));
  const at = here.at && (here.array ?? array.name) === array.name ? cellOf(here.at) : undefined;
  lens.show(found, at);
  $("map").setAttribute("aria-label", `${array.about}, ${found.rows} rows and ${found.columns} columns of numbers`);
  $("scale").hidden = !array.shape.length;
  $("scale").textContent = `Of the whole array: from ${exact(found.least)} to ${exact(found.most)}, ${exact(found.mean)} on average.${found.grey ? "" : " Blue is above 0, orange below."}`;
  sample(here, found);
}

function chooser(here, array, { axis, name, n }, chosen) {
  const label = element("label", "", `${name[0].toUpperCase()}${name.slice(1)} `);
  const batch = axis === 0 && step.batch.includes(array.name);
  const set = (value) => {
    const maps = new Map(here.maps);
    maps.delete(axis);
    if (!batch) maps.set(axis, Number(value));
    go({ ...here, array: array.name, maps, at: null, sample: batch ? String(value) : here.sample }, true);
  };
  const select = document.createElement("select");
  const options = Array.from({ length: Math.min(n, 2048) }, (_, k) => [k, batch && step.samples[k] ? `${k}: ${step.samples[k].name}` : String(k)]);
  if (axis === 0 && array.mean) options.unshift(["mean", "mean of the batch"]);
  select.append(...options.map(([value, textContent]) => Object.assign(document.createElement("option"), { value, textContent })));
  select.value = String(chosen);
  select.onchange = () => set(select.value);
  label.append(select);
  return label;
}

function parts(here, { parts: n, first, values }) {
  if (n < 2) return [];
  const label = element("label", "", "Part ");
  const select = document.createElement("select");
  select.append(...Array.from({ length: n }, (_, k) => Object.assign(document.createElement("option"), { value: k, textContent: `${k + 1} of ${n}` })));
  select.value = String(here.part);
  select.onchange = () => go({ ...here, part: Number(select.value), at: null }, true);
  label.append(select, element("span", "small", ` numbers ${first.toLocaleString("en")} to ${(first + values.length - 1).toLocaleString("en")}`));
  return [label];
}

/** The sample that is followed, as a picture with its answer. */
function sample(here, { image }) {
  const who = step.samples[Number(here.at?.[0] ?? here.sample)];
  $("sample").hidden = !image;
  if (!image) return;
  paintGrey($("sample").querySelector("canvas"), bytes(image.levels), image.rows, image.columns);
  const answer = who?.answer ? `; read as ${who.answer}, after the step as ${who.after}` : "";
  $("sample").querySelector("figcaption").textContent = who ? `sample ${who.name}${answer}` : "";
}

/** A place in the map as indices of the array, and back. */
function indicesOf(cell) {
  const { array, fixed, found } = shown;
  const at = array.shape.map((_, axis) => fixed.get(axis) ?? 0);
  if (found.axes.length === 2) {
    const whole = found.first + cell;
    at[found.axes[0]] = Math.floor(whole / found.columns);
    at[found.axes[1]] = whole % found.columns;
  } else if (found.axes.length === 1) at[found.axes[0]] = found.first + cell;
  return at;
}

function cellOf(at) {
  const { found } = shown;
  const whole = found.axes.length === 2 ? at[found.axes[0]] * found.columns + at[found.axes[1]] : found.axes.length === 1 ? at[found.axes[0]] : 0;
  return Math.max(0, whole - found.first);
}

function moved(cell) {
  const at = indicesOf(cell);
  $("value").textContent = `${shown.array.name}${at.length ? ` [${at.join(", ")}]` : ""} = ${exact(shown.found.values[cell])}`;
}

function chosen(cell) {
  const here = place();
  go({ ...here, array: shown.array.name, at: indicesOf(cell) });
  if (here.at && String(here.at) === String(indicesOf(cell))) $("made").focus();
}

// ---------------------------------------------------------------- what a number was made of

async function showMade(made, now) {
  $("made").hidden = false;
  const title = element("span", "", "What ");
  title.append(formula(made.symbol), ` = ${exact(made.value)} was made of`);
  $("made-title").replaceChildren(title);
  $("made-equation").replaceChildren(...(made.equation ? [scrolling(formula(made.equation, "equation"))] : []));
  const count = made.terms.length + made.others;
  $("made-sum").textContent = made.terms.length
    ? count === 1 ? "One term:" : `${count.toLocaleString("en")} terms, largest first. They add up to ${exact(made.total)}; the network computed ${exact(made.value)}.`
    : "";
  $("terms").parentElement.hidden = !made.terms.length;
  if (made.terms.length) showTerms($("terms"), made, follow, step.named);
  $("made-note").textContent = made.note;
  $("pushed").hidden = !made.number;
  const key = location.hash;
  if (seen !== key && seen !== null) {
    $("made").focus({ preventScroll: true });
    const { top } = $("made-title").getBoundingClientRect();
    if (top < 120 || top > innerHeight - 160) $("made").scrollIntoView({ block: "start" });
  }
  seen = key;
  if (made.number) await pushed(made, now);
}

async function pushed(made, now) {
  const { was, now: becomes } = made.number;
  $("pushed-about").textContent = `The weight goes from ${exact(was)} to ${exact(becomes)}. Its gradient is a sum over the samples; the negative of a sample’s part raises it where it is above 0. Weight decay and momentum belong to no sample.`;
  const given = { name: made.parameter, at: made.at.join(",") };
  const show = async (what, button) => {
    for (const one of [$("this-batch"), $("last-epoch")]) one.setAttribute("aria-pressed", String(one === button));
    $("pushed-said").textContent = what === "epoch" ? "Taking the steps of that epoch again …" : "";
    for (const way of ["up", "down"]) $(way).replaceChildren();
    try {
      const found = await ask(what, given);
      if (now !== turn) return;
      for (const way of ["up", "down"]) showPushers($(way), found[way], (place_) => go({ ...place(), sample: String(place_), array: null, at: null, k: 0 }));
      $("pushed-said").textContent =
        what === "epoch"
          ? `Steps ${found.first.toLocaleString("en")} to ${found.last.toLocaleString("en")}, taken again in ${found.seconds} s: ${found.samples.toLocaleString("en")} samples pushed it, by ${exact(found.sum)} in all.`
          : `${found.samples.toLocaleString("en")} samples of this batch, ${exact(found.sum)} in all.`;
    } catch (error) {
      if (now === turn) $("pushed-said").textContent = error.message;
    }
  };
  $("this-batch").onclick = () => show("pushes", $("this-batch"));
  $("last-epoch").onclick = () => show("epoch", $("last-epoch"));
  await show("pushes", $("this-batch"));
}

// ---------------------------------------------------------------- the beginning

/** Hold the step that comes next; asked: what the address in front of the page wants to see of it. */
async function open(asked) {
  document.documentElement.dataset.busy = "yes";
  const opened = await trying(async () => ask("open", asked.has("sample") ? { sample: asked.get("sample") } : {}));
  $("again").disabled = false;
  if (!opened) return;
  [step, operation, shown] = [opened, null, null];
  $("moment").textContent = step.moment;
  $("facts").textContent = `${step.network}; ${step.optimizer}. The cost of the batch of ${step.m} is ${exact(step.cost)}, after the step ${exact(step.cost_after)}.`;
  $("stages").replaceChildren(
    ...STAGES.map(([stage, title]) => {
      const first = step.operations.findIndex((one) => one.stage === stage);
      const button = Object.assign(element("button", "", title), { type: "button" });
      button.dataset.stage = stage;
      button.onclick = () => go({ k: first, sample: place().sample });
      return button;
    }),
  );
  if (!location.hash) history.replaceState(null, "", address(wanted(asked)));
  await render();
  seen ??= "";
  document.documentElement.dataset.ready = "yes";
}

/** A weight or an output by which the Train page asked, as a place here. */
function wanted(asked) {
  const [, layer, weight] = /^\s*(\d+)\s*:\s*([\d,\s]+)$/.exec(asked.get("weight") ?? "") ?? [];
  const [, scope, output] = /^\s*(\S+?)\s*:\s*([\d,\s]+)$/.exec(asked.get("at") ?? "") ?? [];
  const [name, at] = layer ? [`w${layer}.gradient`, weight] : [scope, output];
  const [, code] = /^\s*(\d+)\s*,\s*\d+\s*$/.exec(asked.get("at") ?? "") ?? []; // of an autoencoder: a number of the code, and a pixel
  const coded = ["z", "code"].find((one) => step.owners[one] !== undefined);
  if (code && coded) return { k: step.owners[coded], array: coded, at: [0, Number(code)] };
  if (name === undefined || step.owners[name] === undefined) return {};
  const indices = at.split(",").map(Number);
  return { k: step.owners[name], array: name, at: indices, sample: layer ? "0" : String(indices[0]) };
}

function wire() {
  themeButton($("theme"));
  lens = new Lens($("map"), moved, chosen);
  $("previous").onclick = () => walk(-1);
  $("next").onclick = () => walk(1);
  $("back").onclick = () => history.back();
  $("again").onclick = () => open(new URLSearchParams(location.search));
  $("print").href = `api/microscope${location.search}`;
  addEventListener("hashchange", render);
  addEventListener("resize", () => lens.draw());
  addEventListener("keydown", (event) => {
    const own = event.key === "Escape" ? "select" : "select, pre, .scroll, .formula"; // what has a use of its own for the key
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest?.(own)) return;
    const action = { ArrowRight: () => walk(1), ArrowLeft: () => walk(-1), Escape: up }[event.key];
    if (!action || !step) return;
    event.preventDefault();
    action();
  });
}

wire();
open(new URLSearchParams(location.search));

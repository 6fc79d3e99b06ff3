// The microscope: one step held still by the server, walked operation by operation, from the network down to a number and its terms.

import { ArrayView } from "./array_view.js";
import { boxed } from "./equation_box.js";
import { element, enable, parseFormula, redraw } from "./html.js";
import { address, askedPlace, place } from "./microscope_address.js";
import { showCards, STAGES } from "./operation_cards.js";
import { showTexts } from "./operation_texts.js";
import { showPushesOf } from "./pushes_panel.js";
import { exact, showTerms } from "./terms_table.js";
import { themeButton } from "./theme.js";

const $ = (id) => document.getElementById(id);

let step = null; // the outline of the step that is held
let operation = null; // the one that is shown, with its arrays
let view = null; // of the array that is shown
let seen = null; // the address of the number that was shown last; null until the page stands
let question = 0; // the number of what was asked last: a late answer to an earlier question is not shown

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

// ---------------------------------------------------------------- going somewhere

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

/** One operation forward or back. */
function walk(by) {
  const here = place();
  const first = here.group ? step.operations.findIndex(({ group }) => group === here.group) : 0;
  const to = here.k === null ? (by > 0 ? first : -1) : here.k + by;
  if (to >= 0 && to < step.operations.length) go({ k: to, sample: here.sample });
}

/** One level up: from the number to its operation, its layer, the whole. */
function up() {
  const here = place();
  if (here.at) go({ ...here, at: null });
  else if (here.k !== null) go({ group: step.operations[here.k].group, sample: here.sample });
  else if (here.group) go({ sample: here.sample });
}

/** The number that a factor is: its operation, its slice, and itself; with its own sample, where its array has one. */
function follow({ name, at }) {
  const sample = step.batch.includes(name) && at.length ? String(at[0]) : place().sample;
  go({ k: step.owners[name], array: name, sample, at });
}

// ---------------------------------------------------------------- what is shown

async function render() {
  if (!step) return;
  const here = place();
  const asked = (question += 1);
  const isCurrent = () => asked === question;
  document.documentElement.dataset.busy = "yes";
  const known = here.k !== null && here.k >= 0 && here.k < step.operations.length;
  showWhere(here, known);
  swap(known);
  if (!known) {
    $("network-title").textContent = here.group ?? "The whole step";
    showCards($("cards"), step.operations, here.group, here.sample);
    document.documentElement.dataset.busy = "no";
    document.documentElement.dataset.at = here.group ? "layer" : "network";
    return;
  }
  await trying(async () => {
    if (operation?.k !== here.k) {
      const found = await ask("operation", { k: here.k });
      if (!isCurrent()) return;
      operation = { ...found, k: here.k };
      showTexts(operation);
    }
    const array = operation.arrays.find(({ name }) => name === here.array) ?? operation.arrays[0];
    if (here.array && array.name !== here.array) {
      if (step.owners[here.array] === undefined) throw new Error(`This step has no array ${here.array}: choose one of those that are shown.`);
      await go({ ...here, k: step.owners[here.array] }, true);
      return;
    }
    const fixed = array.choosers.map(({ axis, n }) => [axis, indexAlong(here, array, axis, n)]);
    const slice = await ask("picture", { name: array.name, fixed: fixed.map((pair) => pair.join(":")).join(","), part: here.part });
    if (!isCurrent()) return;
    view.show(here, step, operation.arrays, array, new Map(fixed), slice);
    if (here.at) {
      const number = await ask("number", { name: array.name, at: here.at.join(",") });
      if (!isCurrent()) return;
      await showNumber(number, isCurrent);
    } else $("number").hidden = true;
    document.documentElement.dataset.at = here.at ? "number" : "operation";
    document.documentElement.dataset.k = here.k;
  });
}

/** One operation in place of the whole, or the other way round; its heading takes the keyboard's focus from what is gone. */
function swap(known) {
  const [gone, shown, title] = known ? ["network", "bench", "bench-title"] : ["bench", "network", "network-title"];
  const focused = $(gone).contains(document.activeElement);
  $(gone).hidden = true;
  $(shown).hidden = false;
  if (focused) $(title).focus({ preventScroll: true });
}

/** Which index along an axis is shown: the number's own, or the chosen one. */
function indexAlong(here, array, axis, n) {
  const ofSample = axis === 0 && step.batch.includes(array.name);
  const wanted = here.at && here.array === array.name ? here.at[axis] : ofSample ? here.sample : (here.maps.get(axis) ?? 0);
  if (wanted === "mean") return array.mean && axis === 0 ? "mean" : 0;
  return Math.min(Math.max(Number(wanted) || 0, 0), n - 1);
}

/** Where one is: the buttons, and the path from the network down to the number. */
function showWhere(here, known) {
  const current = known ? step.operations[here.k] : null;
  enable($("previous"), known && here.k > 0);
  enable($("next"), !known || here.k < step.operations.length - 1);
  for (const button of $("stages").children) button.setAttribute("aria-pressed", String(current?.stage === button.dataset.stage));
  const path = [["Network", { sample: here.sample }]];
  const group = current?.group ?? here.group;
  if (group) path.push([group, { group, sample: here.sample }]);
  if (current) path.push([current.title, { ...here, at: null }]);
  if (current && here.at) path.push([`${here.array ?? current.array}${here.at.length ? ` [${here.at.join(", ")}]` : ""}`, here]);
  const link = ([name, where], n) => element("a", { href: address(where), "aria-current": n === path.length - 1 && "location" }, name);
  redraw($("crumbs"), path.map((part, n) => element("li", "", link(part, n))));
  $("said").textContent = current ? `${current.title}: operation ${here.k + 1} of ${step.operations.length}` : "The whole step";
  enable($("back"), history.length > 1);
  document.documentElement.dataset.at = "";
}

/** How a number was computed: its terms, and where it is a weight's gradient, who pushed it. */
async function showNumber(number, isCurrent) {
  $("number").hidden = false;
  redraw($("number-title"), element("span", "", "How ", element("span", "", parseFormula(number.symbol)), ` = ${exact(number.value)} was computed`));
  redraw($("number-equation"), number.equation && boxed(parseFormula(number.equation)));
  const count = number.terms.length + number.others;
  const sum = `${count.toLocaleString("en")} terms, largest first. They add up to ${exact(number.total)}; the network computed ${exact(number.value)}.`;
  $("number-sum").textContent = count > 1 ? sum : count ? "One term:" : "";
  $("terms").parentElement.hidden = !number.terms.length;
  if (number.terms.length) showTerms($("terms"), number, follow, step.named);
  $("number-note").textContent = number.note;
  $("pushed").hidden = !number.change;
  if (seen !== location.hash && seen !== null) {
    $("number").focus({ preventScroll: true });
    const { top } = $("number-title").getBoundingClientRect();
    if (top < 120 || top > innerHeight - 160) $("number").scrollIntoView({ block: "start" });
  }
  seen = location.hash;
  const followSample = (k) => go({ ...place(), sample: String(k), array: null, at: null, k: 0 });
  if (number.change) await showPushesOf(number, { ask, follow: followSample, isCurrent });
}

/** A number of the heat map was chosen; its terms are shown, and where they are already, they get the focus. */
function choose(at) {
  const here = place();
  go({ ...here, array: view.array.name, at });
  if (here.at && String(here.at) === String(at)) $("number").focus();
}

// ---------------------------------------------------------------- the beginning

/** Hold the step that comes next; asked: what the address in front of the page wants to see of it. */
async function open(asked) {
  document.documentElement.dataset.busy = "yes";
  const opened = await trying(async () => ask("open", asked.has("sample") ? { sample: asked.get("sample") } : {}));
  enable($("again"), true);
  if (!opened) return;
  [step, operation] = [opened, null];
  $("moment").textContent = step.moment;
  $("facts").textContent = `${step.network}; ${step.optimizer}. The cost of the batch of ${step.m} is ${exact(step.cost)}, after the step ${exact(step.cost_after)}.`;
  const stages = STAGES.map(([stage, title]) => {
    const first = step.operations.findIndex((one) => one.stage === stage);
    return element("button", { type: "button", data: { stage }, onclick: () => go({ k: first, sample: place().sample }) }, title);
  });
  redraw($("stages"), stages);
  if (!location.hash) history.replaceState(null, "", address(askedPlace(asked, step.owners)));
  await render();
  seen ??= "";
  document.documentElement.dataset.ready = "yes";
}

function wire() {
  themeButton($("theme"));
  view = new ArrayView({ go, chosen: choose });
  $("previous").onclick = () => walk(-1);
  $("next").onclick = () => walk(1);
  $("back").onclick = () => history.back();
  $("again").onclick = () => open(new URLSearchParams(location.search));
  $("print").href = `api/microscope${location.search}`;
  addEventListener("hashchange", render);
  addEventListener("resize", () => view.draw());
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

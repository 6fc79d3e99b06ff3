// Which samples pushed a weight, up and down: those of the batch, or of the last epoch.

import { redraw } from "./html.js";
import { exact, showPushes } from "./terms_table.js";

const $ = (id) => document.getElementById(id);
const count = (n) => n.toLocaleString("en");

/**
 * Show them for the weight of `number`, the server's answer about a number. `ask` asks the server, `follow` is called with the place in
 * the batch of a sample that is chosen, and a late answer is not shown once `isCurrent()` is false.
 */
export async function showPushesOf(number, { ask, follow, isCurrent }) {
  const { was, now } = number.change;
  $("pushed-about").textContent = `The weight goes from ${exact(was)} to ${exact(now)}. Its gradient is a sum over the samples; the negative of a sample’s part raises it where it is above 0. Weight decay and momentum belong to no sample.`;
  const show = async (what, button) => {
    for (const one of [$("this-batch"), $("last-epoch")]) one.setAttribute("aria-pressed", String(one === button));
    $("pushed-said").textContent = what === "epoch" ? "Taking the steps of that epoch again …" : "";
    for (const way of ["up", "down"]) redraw($(way));
    try {
      const found = await ask(what, { name: number.parameter, at: number.at.join(",") });
      if (!isCurrent()) return;
      for (const way of ["up", "down"]) showPushes($(way), found[way], follow);
      $("pushed-said").textContent =
        what === "epoch"
          ? `Steps ${count(found.first)} to ${count(found.last)}, taken again in ${found.seconds} s: ${count(found.samples)} samples pushed it, by ${exact(found.sum)} in all.`
          : `${count(found.samples)} samples of this batch, ${exact(found.sum)} in all.`;
    } catch (error) {
      if (isCurrent()) $("pushed-said").textContent = error.message;
    }
  };
  $("this-batch").onclick = () => show("pushes", $("this-batch"));
  $("last-epoch").onclick = () => show("epoch", $("last-epoch"));
  await show("pushes", $("this-batch"));
}

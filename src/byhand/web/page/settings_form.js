// The settings of a training: what may be chosen and its limits come from the server, and what was typed goes back to it as it stands.
// Whether it is right, the server alone decides.

import { option, redraw } from "./html.js";

const NUMBERS = ["lr", "batch_size", "epochs", "seed"];
const $ = (id) => document.getElementById(id);

/** The form; `offered` is what the server lets one choose, `own` the uploaded file, its name and the recipes that fit it. */
export class SettingsForm {
  constructor(offered, own) {
    this.offered = offered;
    this.own = own;
    this.fields = [...Object.keys(offered.choices), ...NUMBERS, "hidden"];
    offer($("recipe"), Object.keys(offered.recipes));
    for (const [name, values] of Object.entries(offered.choices)) offer($(name), values);
    for (const [name, [least, most]] of Object.entries(offered.spans)) Object.assign($(name), { min: least, max: most });
    this.offerColumns();
    $("recipe").disabled = false;
    $("recipe").onchange = () => this.fill(this.offered.recipes[$("recipe").value].settings);
  }

  /** Offer the uploaded file beside the data sets. */
  setOwn(own) {
    this.own = own;
    this.offerData($("data").value);
    this.offerColumns();
  }

  /** Of one's own table: which column is learned, and what is done about missing values. */
  offerColumns() {
    for (const label of document.querySelectorAll(".of-table")) label.hidden = !this.own?.columns;
    if (!this.own?.columns) return;
    redraw($("columns"), ["first", "last", ...this.own.columns].map((name) => option(name, "")));
    $("target").value = this.own.target;
    $("missing").value = this.own.data_options.missing;
  }

  /** Choose the uploaded file, with the settings that fit it where the server knows such. */
  useOwn() {
    $("data").value = "own";
    const fields = this.fields.filter((name) => this.own.fitting?.[name] !== undefined && !$(name).disabled);
    for (const name of fields) $(name).value = name === "hidden" ? this.own.fitting.hidden.join(", ") : this.own.fitting[name];
    if (this.own.fitting) $("about").textContent = "Your own table: the form begins with settings that fit it.";
  }

  /** Offer the data that the chosen recipe can be trained on, with one of them chosen. */
  offerData(wanted) {
    const recipe = $("recipe").value;
    const fitting = Object.entries(this.offered.data).filter(([, recipes]) => recipes.includes(recipe)).map(([name]) => name);
    if (this.own?.recipes.includes(recipe)) fitting.push(["own", this.own.name]);
    offer($("data"), fitting);
    if ([...$("data").options].some(({ value }) => value === wanted)) $("data").value = wanted;
  }

  fill(settings) {
    $("recipe").value = settings.recipe;
    this.offerData(settings.data);
    for (const name of this.fields) $(name).value = name === "hidden" ? settings.hidden.join(", ") : settings[name];
    const free = this.offered.kinds[settings.model];
    for (const name of ["hidden", "activation", "cost"]) {
      $(name).disabled = !free.includes(name);
      if ($(name).disabled) $(name).value = ""; // it keeps its own
    }
    const fitted = settings.data === "own" && this.own?.fitting;
    $("about").textContent = fitted ? "Your own table: the form begins with settings that fit it." : `${settings.recipe}: ${this.offered.recipes[settings.recipe]?.about ?? ""}.`;
  }

  /** Every field that can be changed, as it stands. */
  read() {
    const names = ["recipe", "data", ...this.fields].filter((name) => !$(name).disabled);
    return Object.fromEntries(names.map((name) => [name, $(name).value]));
  }

  /** A setting's name in words. */
  nameOf(field) {
    return this.offered.words[field] ?? field;
  }
}

/** Fill a select with values, or pairs of a value and its text. */
function offer(select, values) {
  redraw(select, values.map((one) => (Array.isArray(one) ? option(...one) : option(one, one.replaceAll("_", " ")))));
}

// The settings of a training: filled from a recipe, read for the server.

const $ = (id) => document.getElementById(id);
const NUMBERS = ["batch_size", "epochs", "seed"];
const FIELDS = ["data", "activation", "cost", "optimizer", "schedule"];

/** The form; `offered` is what the server lets one choose. */
export class Form {
  constructor(offered, own) {
    this.offered = offered;
    const recipes = Object.entries(offered.recipes);
    options($("recipe"), recipes.map(([name]) => name));
    this.setData(own);
    options($("activation"), offered.activations);
    options($("cost"), offered.costs);
    options($("optimizer"), offered.optimizers);
    options($("schedule"), offered.schedules);
    $("recipe").disabled = false;
    $("recipe").onchange = () => this.fill(this.offered.recipes[$("recipe").value].settings);
  }

  /** Offer the uploaded file beside the data sets; `name` is its own name. */
  setData(name) {
    const chosen = $("data").value;
    options($("data"), [...this.offered.data, ...(name ? [["own", name]] : [])]);
    if (chosen) $("data").value = chosen;
  }

  fill(settings) {
    $("recipe").value = settings.recipe;
    for (const name of [...FIELDS, ...NUMBERS, "lr"]) $(name).value = settings[name];
    $("hidden").value = settings.hidden.join(", ");
    const free = this.offered.kinds[settings.model];
    for (const name of ["hidden", "activation", "cost"]) {
      $(name).disabled = !free.includes(name);
      if ($(name).disabled) $(name).value = ""; // it keeps its own
    }
    $("about").textContent = `${settings.recipe}: ${this.offered.recipes[settings.recipe]?.about ?? ""}.`;
  }

  /** What is chosen; raises an Error in one line for what is no number. */
  read() {
    const settings = { recipe: $("recipe").value, lr: numeral("lr", "The learning rate") };
    for (const name of FIELDS) if (!$(name).disabled) settings[name] = $(name).value;
    for (const name of NUMBERS) settings[name] = numeral(name, `The ${name.replace("_", " ")}`);
    if (!$("hidden").disabled) settings.hidden = units($("hidden").value);
    return settings;
  }
}

/** A number of a field; raises an Error where there is none. */
export function numeral(id, name) {
  const text = $(id).value.trim().replace(",", ".");
  const value = Number(text);
  if (text === "" || !Number.isFinite(value)) throw new Error(`${name} is “${text}”, but it is a number.`);
  return value;
}

function units(text) {
  const parts = text.split(/[\s,;]+/).filter(Boolean);
  if (parts.every((part) => /^\d{1,6}$/.test(part))) return parts.map(Number);
  throw new Error(`The hidden layers are “${text}”, but they are units a layer, as in 100, 50.`);
}

function options(select, values) {
  select.replaceChildren(
    ...values.map((one) => {
      const [value, text] = Array.isArray(one) ? one : [one, one.replaceAll("_", " ")];
      return Object.assign(document.createElement("option"), { value, textContent: text });
    }),
  );
}

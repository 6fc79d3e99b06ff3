// Where one is in the microscope, as the page's address says it behind the #, so that the browser's own Back and a reload work.

/**
 * What the address says: { group } of a layer, or { k, array, sample, maps, at, part } of operation number k, all but k optional: which of
 * its arrays, of which sample, which index along further axes (a Map), which number of it, and which part of a large array.
 */
export function place() {
  const given = new URLSearchParams(location.hash.slice(1));
  return {
    group: given.get("group"),
    k: given.has("k") ? Number(given.get("k")) : null,
    array: given.get("array"),
    part: Number(given.get("part") ?? 0),
    sample: given.get("sample") ?? "0",
    maps: new Map((given.get("maps") ?? "").split(",").filter(Boolean).map((pair) => pair.split(":").map(Number))),
    at: given.has("at") ? given.get("at").split(",").filter(Boolean).map((k) => (k === "mean" ? k : Number(k))) : null,
  };
}

/** The address of a place. */
export function address({ group, k, array, sample, maps, at, part }) {
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

/** The weight or output by which the Train page asks, in the address before the #, as a place; `owners` tells whose an array is. */
export function askedPlace(asked, owners) {
  const [, layer, weight] = /^\s*(\d+)\s*:\s*([\d,\s]+)$/.exec(asked.get("weight") ?? "") ?? [];
  const [, scope, output] = /^\s*(\S+?)\s*:\s*([\d,\s]+)$/.exec(asked.get("at") ?? "") ?? [];
  const [name, at] = layer ? [`w${layer}.gradient`, weight] : [scope, output];
  const [, code] = /^\s*(\d+)\s*,\s*\d+\s*$/.exec(asked.get("at") ?? "") ?? []; // of an autoencoder: a number of the code, and a pixel
  const coded = ["z", "code"].find((array) => owners[array] !== undefined);
  if (code && coded) return { k: owners[coded], array: coded, at: [0, Number(code)] };
  if (name === undefined || owners[name] === undefined) return {};
  const indices = at.split(",").map(Number);
  return { k: owners[name], array: name, at: indices, sample: layer ? "0" : String(indices[0]) };
}

// The link that gives a writing again: everything in it stands behind the #, which no server gets to see.

const $ = (id) => document.getElementById(id);

/** Put into the address what a writing was asked for, and how many times each letter was drawn again. */
export function rememberWriting({ text, seed, guidance, model }, attempts) {
  const drawnAgain = attempts.some(Boolean) ? { attempts: attempts.join(".") } : {};
  history.replaceState(null, "", `#${new URLSearchParams({ text, seed, guidance, model, ...drawnAgain })}`);
}

/** Put into the form what the address asks for, as far as `writers` and the form's limits allow; returns the attempts of its letters. */
export function recallWriting(writers) {
  const said = new URLSearchParams(location.hash.slice(1));
  if (said.get("text")) $("text").value = said.get("text").slice(0, $("text").maxLength);
  if (/^\d{1,9}$/.test(said.get("seed") ?? "")) $("seed").value = said.get("seed");
  const guidance = Number(said.get("guidance") ?? 2);
  if (guidance >= Number($("guidance").min) && guidance <= Number($("guidance").max)) $("guidance").value = String(guidance);
  $("guided").textContent = Number($("guidance").value).toFixed(1);
  if (writers.some(({ name }) => name === said.get("model"))) $("model").value = said.get("model");
  return (said.get("attempts") ?? "").split(".").map((attempt) => (/^\d{1,4}$/.test(attempt) ? Number(attempt) : 0));
}

// The page's data files: from beside the page, or, in the single-file edition, from inside it.

/** Bytes of base 64. */
export function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** The bytes of a file, by its name. */
export async function asset(name) {
  const inside = document.querySelector(`script[data-file="${CSS.escape(name)}"]`);
  if (inside) return bytesOf(inside.textContent).buffer;
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`The file ${name} is missing beside this page.`);
  return answer.arrayBuffer();
}

/** A file of JSON, read. */
export async function jsonAsset(name) {
  return JSON.parse(new TextDecoder().decode(await asset(name)));
}

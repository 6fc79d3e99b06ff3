// A file that the page has made, handed to the reader.

import { element } from "./html.js";

/** Let the browser save the bytes under this name. */
export function download(bytes, name, type) {
  const href = URL.createObjectURL(new Blob([bytes], { type }));
  element("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000); // a browser that asks where to put it takes its time
}

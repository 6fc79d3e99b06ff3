// Files from outside: chosen with a button, dropped on the page, or pasted.

const $ = (id) => document.getElementById(id);

/** Let a button choose a file by a hidden input; `open` gets it. */
export function onChosenFile(button, input, open) {
  $(button).onclick = () => $(input).click();
  $(input).onchange = () => {
    const [file] = $(input).files;
    if (file) open(file);
    $(input).value = ""; // so that the same file can be chosen again
  };
}

/** Take files that are dropped anywhere on the page, or pasted; `target` shows that they would be welcome. */
export function onGivenFile(target, open) {
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    target.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) open(file);
  });
  target.addEventListener("dragenter", () => target.classList.add("over"));
  target.addEventListener("dragleave", () => target.classList.remove("over"));
  addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file) open(file);
  });
}

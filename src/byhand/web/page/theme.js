// Light or dark: as the system says, until the button says otherwise; remembered where the browser lets us.

const KEY = "byhand-theme";

/** Let a button switch between light and dark. */
export function themeButton(button) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = recall();
  const apply = () => {
    const dark = chosen ? chosen === "dark" : system.matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button.setAttribute("aria-pressed", String(dark));
  };
  button.onclick = () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // a page from file:// or a private window may have no storage: the choice then lasts until it is closed
    }
    apply();
  };
  system.onchange = apply;
  apply();
}

function recall() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

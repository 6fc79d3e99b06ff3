// One of a group of buttons takes the tab key, and arrow keys walk from there to the others.

/** Arrow keys, Home and End in a group of buttons that stand in so many columns. */
export function moveFocus(event, buttons, columns) {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  const at = buttons.indexOf(event.target);
  let to = step === undefined ? { Home: 0, End: buttons.length - 1 }[event.key] : at + step;
  if (to === undefined) return;
  event.preventDefault();
  to = Math.min(Math.max(to, 0), buttons.length - 1);
  buttons[at].tabIndex = -1;
  buttons[to].tabIndex = 0;
  buttons[to].focus();
}

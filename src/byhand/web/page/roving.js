// One of a group of buttons takes the tab key, and arrow keys walk from there to the others.

/** Arrow keys, Home and End in a group of buttons that stand in so many columns. */
export function walk(event, neurons, columns) {
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  const at = neurons.indexOf(event.target);
  let to = by === undefined ? { Home: 0, End: neurons.length - 1 }[event.key] : at + by;
  if (to === undefined) return;
  event.preventDefault();
  to = Math.min(Math.max(to, 0), neurons.length - 1);
  neurons[at].tabIndex = -1;
  neurons[to].tabIndex = 0;
  neurons[to].focus();
}

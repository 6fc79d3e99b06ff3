// The way from one code to another; the same as `draw/latent_walk.py`.

/** The code at the share t of the way, straight: (1 - t) z0 + t z1; or spherical, which keeps its distance from the origin. */
export function interpolate(start, end, t, spherical) {
  let [from, to] = [1 - t, t];
  if (spherical) {
    const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
    const lengths = Math.sqrt(dot(start, start) * dot(end, end));
    const theta = lengths > 0 ? Math.acos(Math.min(Math.max(dot(start, end) / lengths, -1), 1)) : 0;
    const sine = Math.sin(theta);
    if (sine >= 1e-4) [from, to] = [Math.sin((1 - t) * theta) / sine, Math.sin(t * theta) / sine];
  }
  return start.map((value, i) => from * value + to * end[i]);
}

/** A moment s from 0 to 1 that sets out and arrives gently. */
export function eased(s) {
  return 0.5 - 0.5 * Math.cos(Math.PI * s);
}

/** The image of each class that has most others of its class near it, by their codes: its place in the list; -1 where none is. */
export function typical(codes, labels, classes, near = 12) {
  return Array.from({ length: classes }, (_, k) => {
    const members = [...labels.keys()].filter((i) => labels[i] === k);
    let [best, least] = [-1, Infinity];
    for (const i of members) {
      const apart = members.map((j) => codes[i].reduce((sum, value, d) => sum + (value - codes[j][d]) ** 2, 0));
      const mean = apart.sort((a, b) => a - b).slice(0, near + 1).reduce((sum, value) => sum + value, 0) / apart.length;
      if (mean < least) [best, least] = [i, mean];
    }
    return best;
  });
}

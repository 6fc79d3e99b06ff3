// A curve that grows without end in a bounded number of points, as `curve.py` keeps it: every two become one where there are too many.

const MOST_POINTS = 1500;

/** Put a point [step, value, ...] at the end of a curve; one that is known already changes nothing but its values. */
export function grow(points, point) {
  const last = points.at(-1)?.[0] ?? -1;
  if (point[0] < last) return;
  if (point[0] === last) points.pop();
  points.push(point);
  if (points.length <= MOST_POINTS) return;
  const mean = (a, b) => (a === null || b === null ? null : (a + b) / 2);
  const kept = [];
  for (let k = 0; k + 1 < points.length; k += 2) {
    kept.push(points[k + 1].map((value, c) => (c ? mean(points[k][c], value) : value)));
  }
  points.splice(0, points.length, ...kept);
}

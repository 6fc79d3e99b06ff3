// Pillow's anti-aliased resize, written out.

/** Resize with a triangle filter that widens with the reduction: first along the rows, then down the columns, as Pillow does. */
export function resize({ values, width, height }, newWidth, newHeight) {
  const across = windows(width, newWidth);
  const wide = new Float32Array(newWidth * height);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < newWidth; column += 1) {
      const { first, weights } = across[column];
      let sum = 0;
      for (let i = 0; i < weights.length; i += 1) sum += values[row * width + first + i] * weights[i];
      wide[row * newWidth + column] = sum;
    }
  }
  const down = windows(height, newHeight);
  const small = new Float32Array(newWidth * newHeight);
  for (let row = 0; row < newHeight; row += 1) {
    const { first, weights } = down[row];
    for (let column = 0; column < newWidth; column += 1) {
      let sum = 0;
      for (let i = 0; i < weights.length; i += 1) sum += wide[(first + i) * newWidth + column] * weights[i];
      small[row * newWidth + column] = sum;
    }
  }
  return { values: small, width: newWidth, height: newHeight };
}

/** For every new pixel the old ones that it is a mean of, and their weights. Source: Pillow, `Resample.c`, precompute_coeffs. */
function windows(size, newSize) {
  const step = size / newSize;
  const support = Math.max(step, 1);
  return Array.from({ length: newSize }, (_, i) => {
    const centre = (i + 0.5) * step;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(size, Math.trunc(centre + support + 0.5));
    const weights = [];
    for (let k = first; k < end; k += 1) weights.push(Math.max(0, 1 - Math.abs((k - centre + 0.5) / support)));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

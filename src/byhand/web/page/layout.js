// Typesetting of handwriting: what can be written, marks, sizes, lines. The same numbers as `byhand.writing`; the tables come from there.

const SIDE = 28;

/** The text in characters that can be written, with notes; an error, in one line, that names what cannot. */
export function writable(text, names, hand) {
  if ([...text].length > hand.longest) throw new Error(`The text is longer than ${hand.longest} characters: shorten it.`);
  const known = new Set(names);
  const fits = (c) => known.has(c) || Object.hasOwn(hand.strokes, c) || c === " " || c === "\n";
  const [changed, unknown] = [new Map(), new Set()];
  let found = "";
  for (const character of text.normalize("NFC").replace(/\r\n?/g, "\n")) {
    const plain = plainly(character, hand);
    if ([...plain].every(fits)) {
      if (plain !== character && character.trim()) changed.set(character, plain);
      found += plain;
    } else unknown.add(character);
  }
  if (unknown.size) {
    const told = [...unknown].slice(0, 5).map((c) => `“${c}”${hand.nearest[c] ? ` (nearest: ${hand.nearest[c]})` : ""}`);
    throw new Error(
      `There is no handwriting for ${told.join(", ")}: there are digits, letters and ${Object.keys(hand.strokes).join(" ")}. Take it out.`,
    );
  }
  if (!found.trim()) throw new Error("There is nothing to write: type a letter, a digit or a mark.");
  const notes = [...changed].map(([old, plain]) => `${old} as ${plain}`);
  return { characters: found, note: notes.length ? `Written without their marks: ${notes.join(", ")}.` : "" };
}

function plainly(character, hand) {
  if (Object.hasOwn(hand.letters, character)) return hand.letters[character];
  if (Object.hasOwn(hand.marks, character)) return hand.marks[character];
  if (character === "\n") return character;
  if (!character.trim()) return " ";
  return character.normalize("NFKD").replace(/\p{M}/gu, "") || character;
}

/** Lines of whole words of up to `width` characters; a longer word has a line of its own. */
export function wrapped(characters, width) {
  const lines = [];
  for (const paragraph of characters.split("\n")) {
    lines.push("");
    for (const word of paragraph.split(" ").filter(Boolean)) {
      const line = lines.at(-1);
      if (line && [...line].length + 1 + [...word].length > width) lines.push(word);
      else lines[lines.length - 1] = line + (line ? " " : "") + word;
    }
  }
  while (lines.length && !lines.at(-1)) lines.pop();
  while (lines.length && !lines[0]) lines.shift();
  return lines;
}

/** Where each letter's 28 x 28 pixels stand, in heights of a capital: { width, height, placed: [{ index, left, top, pixel }] }. */
export function typeset(lines, inks, hand) {
  const { gap, space, line: step, margin } = hand.typeset;
  let index = 0;
  const rows = lines.map((line) => {
    const row = [];
    let [x, before, spaced] = [0, null, false];
    for (const character of line) {
      if (character === " ") {
        spaced = true;
        continue;
      }
      const glyph = measured(character, inks[index], hand);
      if (before) x += spaced ? space : gap - closer(before, glyph, hand);
      row.push({ index, left: x - glyph.first * glyph.pixel, rise: glyph.rise, pixel: glyph.pixel });
      x += glyph.width;
      [before, spaced, index] = [glyph, false, index + 1];
    }
    return { row, length: x };
  });
  const width = Math.max(...rows.map(({ length }) => length));
  const placed = rows.flatMap(({ row, length }, number) => {
    const shift = margin + (width - length) / 2;
    return row.map(({ left, rise, ...rest }) => ({ ...rest, left: left + shift, top: margin + 1 + number * step - rise }));
  });
  return { width: width + 2 * margin, height: 2 * margin + 1.28 + (rows.length - 1) * step, placed };
}

function measured(character, ink, hand) {
  const { ink: least, smallest, largest, rows } = hand.typeset;
  const from = Math.min(least, 0.6 * ink.reduce((most, value) => Math.max(most, value), 0));
  const dark = (row, column) => ink[row * SIDE + column] > from;
  const all = [...Array(SIDE).keys()];
  let down = all.filter((row) => all.some((column) => dark(row, column)));
  let across = all.filter((column) => all.some((row) => dark(row, column)));
  if (!down.length) down = across = all.slice(4, 24);
  const [tall, wide] = [down.at(-1) - down[0] + 1, across.at(-1) - across[0] + 1];
  let [pixel, rise] = [1 / hand.mark.pixels, hand.mark.baseline / hand.mark.pixels];
  if (!Object.hasOwn(hand.strokes, character)) {
    const [bottom, top] = hand.places[character] ?? [0, 1];
    pixel = Math.min(Math.max((top - bottom) / tall, smallest), largest);
    const widest = 1.25 * Math.max(top - bottom, hand.x_height);
    if (wide * pixel > widest) pixel = widest / wide;
    rise = bottom + (down.at(-1) + 1) * pixel;
  }
  const [left, right] = [new Array(rows).fill(Infinity), new Array(rows).fill(Infinity)];
  for (const row of all) {
    const columns = all.filter((column) => dark(row, column));
    if (!columns.length) continue;
    const [high, low] = [rise - row * pixel, rise - (row + 1) * pixel];
    const place = (height) => Math.max(0, Math.trunc(((height + 0.45) / 1.7) * rows));
    for (let r = place(low); r < Math.min(rows, place(high) + 1); r += 1) {
      left[r] = Math.min(left[r], (columns[0] - across[0]) * pixel);
      right[r] = Math.min(right[r], (across.at(-1) - columns.at(-1)) * pixel);
    }
  }
  return { first: across[0], width: wide * pixel, pixel, rise, left, right };
}

function closer(before, after, hand) {
  let apart = Infinity;
  for (let row = 0; row < before.right.length; row += 1) {
    const near = Math.min(...before.right.slice(Math.max(0, row - 2), row + 3));
    apart = Math.min(apart, near + after.left[row]);
  }
  return Math.min(Math.max(apart, 0), hand.typeset.closer);
}

/** A mark as a picture of 784 numbers from 0 to 1; `normal` draws how far the hand misses. */
export function drawMark(mark, hand, normal) {
  const { pixels, baseline, width, tremble } = hand.mark;
  const apart = new Float64Array(SIDE * SIDE).fill(Infinity);
  for (const stroke of hand.strokes[mark]) {
    const points = stroke.map(([x, y]) => [SIDE / 2 + x * pixels + tremble * normal(), baseline - y * pixels + tremble * normal()]);
    const ends = points.length > 1 ? points.slice(1) : points;
    ends.forEach((end, i) => {
      const [x0, y0] = points[i];
      const [dx, dy] = [end[0] - x0, end[1] - y0];
      const length = Math.max(dx * dx + dy * dy, 1e-9);
      for (let place = 0; place < apart.length; place += 1) {
        const [x, y] = [(place % SIDE) - x0, Math.floor(place / SIDE) - y0];
        const share = Math.min(Math.max((x * dx + y * dy) / length, 0), 1);
        apart[place] = Math.min(apart[place], Math.hypot(x - share * dx, y - share * dy));
      }
    });
  }
  return Float32Array.from(apart, (distance) => Math.min(Math.max(width + 0.5 - distance, 0), 1));
}

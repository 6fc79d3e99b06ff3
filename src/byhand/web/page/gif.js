// An animated GIF, written by hand: one palette for all frames, so that nothing flickers, and LZW.
//
// Source: CompuServe (1990), "Graphics Interchange Format", version 89a; Welch (1984), "A technique for high-performance data
// compression", for LZW.

/** The bytes of a GIF that repeats for ever: frames of palette places (Uint8Array), ms each, colours as [r, g, b], 2^bits of them. */
export function writeGif(frames, durations, width, height, palette) {
  const bits = Math.max(2, Math.ceil(Math.log2(palette.length)));
  const out = [];
  const word = (value) => out.push(value & 255, value >> 8);
  const text = (letters) => out.push(...[...letters].map((letter) => letter.charCodeAt(0)));
  text("GIF89a");
  word(width);
  word(height);
  out.push(0xf0 | (bits - 1), 0, 0);
  for (let i = 0; i < 2 ** bits; i += 1) out.push(...(palette[i] ?? [0, 0, 0]));
  out.push(0x21, 0xff, 11);
  text("NETSCAPE2.0");
  out.push(3, 1, 0, 0, 0);
  frames.forEach((frame, i) => {
    out.push(0x21, 0xf9, 4, 4);
    word(Math.round(durations[i] / 10));
    out.push(0, 0, 0x2c, 0, 0, 0, 0);
    word(width);
    word(height);
    out.push(0, bits);
    const packed = lzw(frame, bits);
    for (let at = 0; at < packed.length; at += 255) {
      const block = packed.slice(at, at + 255);
      out.push(block.length);
      for (const byte of block) out.push(byte);
    }
    out.push(0);
  });
  out.push(0x3b);
  return Uint8Array.from(out);
}

/** LZW: a table of the sequences seen so far, and for each longest known one its number, in as many bits as the table needs. */
export function lzw(pixels, bits) {
  const [clear, end, largest] = [1 << bits, (1 << bits) + 1, 4096];
  const out = [];
  let [held, filled, width] = [0, 0, bits + 1];
  const emit = (code) => {
    held |= code << filled;
    filled += width;
    while (filled >= 8) {
      out.push(held & 255);
      held >>>= 8;
      filled -= 8;
    }
  };
  let table = new Map();
  let next = end + 1;
  emit(clear);
  let prefix = pixels[0];
  for (let i = 1; i < pixels.length; i += 1) {
    const key = prefix * 256 + pixels[i];
    const known = table.get(key);
    if (known !== undefined) {
      prefix = known;
      continue;
    }
    emit(prefix);
    if (next < largest) {
      if (next === 1 << width) width += 1;
      table.set(key, next);
      next += 1;
    } else {
      emit(clear);
      table = new Map();
      next = end + 1;
      width = bits + 1;
    }
    prefix = pixels[i];
  }
  emit(prefix);
  emit(end);
  if (filled) out.push(held & 255);
  return out;
}

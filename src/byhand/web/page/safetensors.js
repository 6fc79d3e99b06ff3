// Model files: `.safetensors`, read and written by hand.
//
// The format is 8 bytes with the header's length, the header as JSON (name -> dtype, shape, place; and `__metadata__`), and then
// the numbers, little-endian. Source: github.com/huggingface/safetensors, "Format". What byhand puts into the metadata is told in
// `modelfile.py`; the errors here are one line each and are shown in the page as they are.

const FORMAT = "byhand-model";
const FORMAT_VERSION = "1";
const LARGEST_HEADER = 1_000_000; // bytes
const WIDTH = { F16: 2, F32: 4, F64: 8 };
const NUMPY = { F16: "f2", F32: "f4", F64: "f8" }; // as the checksum calls them, see `tensorfile.py`

/** All tensors, as Float32Array with their shapes, and the metadata of a file's bytes (ArrayBuffer). */
export function readTensors(buffer) {
  if (buffer.byteLength < 8) throw new Error("This is no .safetensors file: it is shorter than 8 bytes.");
  const view = new DataView(buffer);
  const length = Number(view.getBigUint64(0, true));
  if (length > LARGEST_HEADER || 8 + length > buffer.byteLength) {
    throw new Error("This is no whole .safetensors file: its header does not fit into it.");
  }
  let header;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(buffer, 8, length)));
  } catch {
    throw new Error("This is no .safetensors file: its header is not JSON.");
  }
  const { __metadata__: metadata = {}, ...entries } = header ?? {};
  const tensors = new Map();
  const parts = [];
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets: place } = entry ?? {};
    if (!Array.isArray(shape) || !Array.isArray(place)) {
      throw new Error(`Tensor ${name} has no shape or place: the file is damaged.`);
    }
    tensors.set(name, { shape, values: decode(view, 8 + length, name, dtype, shape, place) });
    parts.push({ name, type: NUMPY[dtype], shape, bytes: new Uint8Array(buffer, 8 + length + place[0], place[1] - place[0]) });
  }
  // Files of before there were checksums have none.
  if (metadata.format === FORMAT && "checksum" in metadata && metadata.checksum !== checksum(parts, metadata)) {
    throw new Error("This file is damaged: its content does not have the checksum it was written with.");
  }
  return { tensors, metadata };
}

const CRC32 = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

/** The CRC-32 of all strings but itself and all tensors, in the order of their names, as `tensorfile.py` computes it. */
function checksum(parts, metadata) {
  let crc = 0xffffffff;
  const add = (bytes) => {
    for (let i = 0; i < bytes.length; i += 1) crc = CRC32[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  };
  const tell = (text) => add(new TextEncoder().encode(text));
  for (const name of Object.keys(metadata).sort()) {
    if (name !== "checksum") tell(`${name}\0${metadata[name]}\0`);
  }
  for (const { name, type, shape, bytes } of parts.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    tell(`${name}\0${type}\0${shape.join(",")}\0`);
    add(bytes);
  }
  return `crc32:${((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0")}`;
}

function decode(view, start, name, dtype, shape, place) {
  const width = WIDTH[dtype];
  if (!width) throw new Error(`Tensor ${name} holds ${dtype}, but expected F16, F32 or F64.`);
  const count = shape.reduce((product, side) => product * side, 1);
  const [from, to] = place;
  if (to - from !== count * width || from < 0 || start + to > view.byteLength) {
    throw new Error(`Tensor ${name} does not fit into the file: it is damaged or cut.`);
  }
  const values = new Float32Array(count);
  for (let i = 0, at = start + from; i < count; i += 1, at += width) {
    if (width === 2) values[i] = float16(view.getUint16(at, true));
    else values[i] = width === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true);
    if (!Number.isFinite(values[i])) throw new Error(`Tensor ${name} holds NaN or infinity: its training had exploded.`);
  }
  return values;
}

/** A half-precision number from its 16 bits: 1 for the sign, 5 for the exponent, 10 for the fraction (IEEE 754). */
export function float16(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bytes of a file with these float32 tensors, Map of name -> { shape, values }, and metadata (strings), with its checksum. */
export function writeTensors(tensors, metadata) {
  const parts = [...tensors].map(([name, { shape, values }]) => ({ name, type: "f4", shape, bytes: littleEndian(values) }));
  const header = { __metadata__: { ...metadata, checksum: checksum(parts, metadata) } };
  let end = 0;
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + 4 * values.length] };
    end += 4 * values.length;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8; // padded with spaces, so that the numbers begin on a multiple of 8
  const bytes = new Uint8Array(8 + length + end).fill(0x20, 8, 8 + length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  for (const { name, bytes: part } of parts) bytes.set(part, 8 + length + header[name].data_offsets[0]);
  return bytes;
}

function littleEndian(values) {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, i) => view.setFloat32(4 * i, value, true));
  return new Uint8Array(view.buffer);
}

/**
 * What a byhand model file says: its architecture, its class names, all tensors, and, of a plain feed-forward network, the layers'
 * weights (n_out x n_in) and biases; what a network of modules is made of is told by `readModules`.
 */
export function readModel(buffer) {
  const { tensors, metadata } = readTensors(buffer);
  if (metadata.format !== FORMAT) throw new Error("This is not a byhand model: its metadata do not say format byhand-model.");
  if (metadata.format_version !== FORMAT_VERSION) {
    throw new Error(`This model has format version ${metadata.format_version}, and this page reads ${FORMAT_VERSION}.`);
  }
  let architecture, classNames, metrics, preprocessing;
  try {
    architecture = JSON.parse(metadata.architecture);
    classNames = JSON.parse(metadata.class_names ?? "[]");
    metrics = JSON.parse(metadata.metrics ?? "{}");
    preprocessing = JSON.parse(metadata.preprocessing ?? "{}") ?? {};
  } catch {
    throw new Error("This model's metadata cannot be read: the file is damaged.");
  }
  if (!Array.isArray(classNames)) throw new Error("This model's class names cannot be read: the file is damaged.");
  const model = { architecture, classNames, metrics, preprocessing, metadata, tensors };
  if (architecture?.kind === "network") return model;
  if (architecture?.kind !== "feedforward") {
    throw new Error(`This model is of kind ${architecture?.kind}, and this page knows feedforward and network.`);
  }
  const { sizes, activations } = architecture;
  if (!Array.isArray(sizes) || sizes.length < 2 || activations?.length !== sizes.length - 1) {
    throw new Error("This model's architecture has no layers that fit together: the file is damaged.");
  }
  const layers = [];
  for (let l = 0; l + 1 < sizes.length; l += 1) {
    const w = tensors.get(`layers.${l}.weight`)?.values;
    const b = tensors.get(`layers.${l}.bias`)?.values;
    if (w?.length !== sizes[l] * sizes[l + 1] || b?.length !== sizes[l + 1]) {
      throw new Error(`Layer ${l + 1} is not the ${sizes[l]} to ${sizes[l + 1]} that this model's architecture describes.`);
    }
    layers.push({ w, b });
  }
  return { ...model, layers };
}

/** The bytes of a model file as `byhand eval` reads it: float32, with the metadata and all else of the model that was taught. */
export function writeModel(network, { tensors: before, metadata }) {
  const tensors = new Map(network.trunk ? before : []);
  network.layers.forEach(({ w, b }, l) => {
    const names = network.tensors?.[l] ?? { weight: `layers.${l}.weight`, bias: `layers.${l}.bias` };
    tensors.set(names.weight, { shape: [network.sizes[l + 1], network.sizes[l]], values: w });
    if (names.bias) tensors.set(names.bias, { shape: [network.sizes[l + 1]], values: b });
  });
  return writeTensors(tensors, metadata);
}

"""Inputs made out of inputs: bytes changed anywhere, and changes that know a format and keep the rest of it valid."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

Mutator = Callable[[bytes, random.Random], bytes]

MOST = 1 << 14  # bytes of an input
NUMBERS = [0, 1, 2, 3, 127, 128, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**62, 2**63, 2**64 - 1]
WORDS = [
    b"",
    b"\x00", b"\n", b"\r", b"\xff", b"\xef\xbb\xbf", b"NaN", b"Infinity", b"-1", b"0", b"1e999", b"1e-999", b"0x1", b"null",
    b"true", b"[]", b"{}", b'""', b"[[[[", b'"\\ud800"', b"\xe2\x80\xae", b"9" * 400, b"1_0", b"2.5", b"-0.0", b",", b";", b"\t",
    b'"', b"'", b"=", b"[bold]", b"\x1b[2J", b"%s", b"{0}", b"__class__", b"name", b"<U0", b"|O", b"<f8", b"|u1",
    b"(2000000000,)",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 7, 2**31, 2**63, 10**400, 0.5, -0.5, 1e308, -1e308, float("nan"), float("inf"), "", "a",
    "relu",
    "softmax", "1", "\x00", "\ud800", "[bold]", [], [0], [1, 2], [[1]], [None], ["a", "b"], {}, {"a": 1}, {"kind": "network"},
    [[[[[[]]]]]], "x" * 300, [1] * 40,
]  # fmt: skip


def bytewise(content: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, left out, doubled, or put in."""
    data = bytearray(content)
    for _ in range(1 << rng.randrange(5)):
        at = rng.randrange(len(data) + 1)
        choice = rng.randrange(8)
        if choice == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif choice == 1 and data:
            data[at % len(data)] = rng.randrange(256)
        elif choice == 2:
            del data[at : at + 1 + rng.randrange(1 << rng.randrange(1, 9))]
        elif choice == 3:
            data[at:at] = data[at : at + 1 + rng.randrange(64)]
        elif choice == 4:
            data[at:at] = rng.choice(WORDS)
        elif choice == 5:
            width = rng.choice("BHIQ")
            number = rng.choice(NUMBERS) % (1 << (8 * struct.calcsize(width)))
            packed = struct.pack(rng.choice("<>") + width, number)
            data[at : at + len(packed)] = packed
        elif choice == 6:
            data = data[:at]
        else:
            other = rng.randrange(len(data) + 1)
            data[at : at + 16] = data[other : other + 16]
    return bytes(data[:MOST])


def textwise(content: bytes, rng: random.Random) -> bytes:
    """Words and numbers of a text exchanged; lines doubled, left out and turned round."""
    if rng.random() < 0.2:
        return bytewise(content, rng)
    parts = re.findall(rb"[A-Za-z_]+|-?[0-9][0-9.eE+-]*|\s+|.", content, re.DOTALL)
    for _ in range(1 + rng.randrange(4)):
        if not parts:
            return rng.choice(WORDS)
        at = rng.randrange(len(parts))
        choice = rng.randrange(6)
        if choice < 2:
            parts[at] = rng.choice(WORDS)
        elif choice == 2:
            parts[at] = rng.choice(parts)
        elif choice == 3:
            parts[at] = str(rng.choice(NUMBERS)).encode()
        elif choice == 4:
            del parts[at : at + 1 + rng.randrange(8)]
        else:
            parts[at:at] = parts[at : at + 1 + rng.randrange(16)]
    return b"".join(parts)[:MOST]


def changed(value: Any, rng: random.Random) -> Any:
    """A JSON value with one place in it exchanged."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        choice = rng.randrange(8)
        if choice == 0:
            return {k: v for k, v in value.items() if k != key}
        if choice == 1:
            return value | {rng.choice(["kind", "x", "", key + "s", *value]): rng.choice(VALUES)}
        return value | {key: changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        choice = rng.randrange(6)
        if choice == 0:
            return value[:at] + value[at + 1 :]
        if choice == 1:
            return value[:at] + [value[at]] * 3 + value[at:]
        return [*value[:at], changed(value[at], rng), *value[at + 1 :]]
    if isinstance(value, int) and not isinstance(value, bool) and rng.random() < 0.4:
        return value + rng.choice([-1, 1, 2, -2, 100])
    if isinstance(value, str) and rng.random() < 0.3:
        return bytewise(value.encode("utf-8", "replace"), rng).decode("utf-8", "replace")
    return rng.choice(VALUES)


def jsonwise(content: bytes, rng: random.Random) -> bytes:
    """Lines of JSON, one of them changed in its structure; now and then in its text."""
    if rng.random() < 0.25:
        return textwise(content, rng)
    lines = content.split(b"\n")
    at = rng.randrange(len(lines))
    try:
        line = changed(json.loads(lines[at]), rng)
        if isinstance(line, dict) and rng.random() < 0.8:
            line.pop("check", None)  # a line without its checksum is read further
        lines[at] = json.dumps(line).encode()
    except (ValueError, RecursionError):
        return textwise(content, rng)
    return b"\n".join(lines)[:MOST]


def zipped(inner: Mutator) -> Mutator:
    """Of a gzip file: what is in it is changed, and packed again."""

    def mutate(content: bytes, rng: random.Random) -> bytes:
        if rng.random() < 0.3:
            return bytewise(content, rng)
        try:
            return gzip.compress(inner(gzip.decompress(content), rng), 1, mtime=0)[:MOST]
        except (OSError, EOFError, zlib.error, ValueError):
            return bytewise(content, rng)

    return mutate


def archived(content: bytes, rng: random.Random) -> bytes:
    """Of an `.npz`: a member's name, header or content is changed, and packed again."""
    if rng.random() < 0.3:
        return bytewise(content, rng)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # it was changed before
        return bytewise(content, rng)
    if members:
        name = rng.choice(list(members))
        choice = rng.randrange(6)
        if choice == 0:
            other = rng.choice(["x", "y", "X_train", "y_train", "x_test", "y_test", "images", "labels", "", "../x"])
            members[other + ".npy"] = members.pop(name)
        elif choice < 5:
            members[name] = _header_changed(members[name], rng)
        else:
            members[name] = bytewise(members[name], rng)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for name, member in members.items():
            archive.writestr(zipfile.ZipInfo(name or "_"), member)
    return packed.getvalue()[:MOST]


TYPES = [
    "|u1",
    "<f4",
    "<f8",
    "<f2",
    "<i8",
    "|b1",
    "<U0",
    "<U3",
    "|S0",
    "|S4",
    "|O",
    "<c8",
    "<M8[s]",
    ">i4",
    "|V4",
    "<f16",
    "x",
    "|V0",
]
SHAPES = ["()", "(0,)", "(2,)", "(4,)", "(4, 1)", "(4, 3)", "(4, 28, 28)", "(4, 1, 5, 6)", "(4, 3, 5, 5)", "(4, 0)",
          "(2000000000,)",
          "(-4, -3)", "(4, 2**70)", "(9223372036854775807, 2)", "(4, 10000000)", "(True,)", "4", "(4.0,)", "[4]"]  # fmt: skip


def _header_changed(member: bytes, rng: random.Random) -> bytes:
    """An `.npy` with another type or shape; often with as many bytes as that needs."""
    length = struct.unpack("<H", member[8:10])[0] if len(member) > 10 else 0
    header, body = member[10 : 10 + length].decode("latin-1"), member[10 + length :]
    if rng.random() < 0.6:
        header = re.sub(r"'descr': *'[^']*'", lambda _: f"'descr': '{rng.choice(TYPES)}'", header)
    if rng.random() < 0.6:
        header = re.sub(r"'shape': *\([^)]*\)", lambda _: f"'shape': {rng.choice(SHAPES)}", header)
    if rng.random() < 0.1:
        header = textwise(header.encode("latin-1"), rng).decode("latin-1")
    if rng.random() < 0.6:
        wanted = _bytes_wanted(header)
        body = (body * (wanted // max(len(body), 1) + 1))[:wanted]
    text = header.encode("latin-1")[:5_000]
    return member[:8] + struct.pack("<H", len(text)) + text + body


def _bytes_wanted(header: str) -> int:
    kind, shape = re.search(r"'descr': *'[<>|=]?(.)(\d*)", header), re.search(r"'shape': *\(([\d, ]*)\)", header)
    if not kind or not shape:
        return 0
    count = 1
    for axis in re.findall(r"\d+", shape[1]):
        count *= int(axis)
    size = int(kind[2] or 1) * (4 if kind[1] == "U" else 1)
    return min(count * size, 20_000)


def tensorwise(content: bytes, rng: random.Random) -> bytes:
    """Of a `.safetensors`: a text of its metadata, or a tensor's type and shape, is changed; what follows fits again, mostly."""
    if rng.random() < 0.2:
        return bytewise(content, rng)
    try:
        length = struct.unpack("<Q", content[:8])[0]
        header, body = json.loads(content[8 : 8 + length]), content[8 + length :]
        tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
        metadata = header.get("__metadata__", {})
        key = rng.choice(sorted(metadata)) if metadata and rng.random() < 0.7 else None
        if key is not None:
            try:
                metadata[key] = json.dumps(changed(json.loads(metadata[key]), rng))
            except ValueError:
                metadata[key] = textwise(metadata[key].encode(), rng).decode("utf-8", "replace")
        elif tensors:
            name = rng.choice(sorted(tensors))
            choice = rng.randrange(5)
            if choice == 0:
                header[rng.choice(["parameters", name + ".weight", name.rpartition(".")[0] + ".running_mean"])] = header.pop(name)
            elif choice == 1:
                del header[name]
            else:
                body = _reshaped(header, name, body, rng)
    except (ValueError, KeyError, TypeError, OverflowError, struct.error, AttributeError):  # it was changed before
        return bytewise(content, rng)
    if isinstance(metadata, dict) and rng.random() < 0.8:
        metadata.pop("checksum", None)  # a file without its checksum is read further
    text = json.dumps(header).encode()
    return (struct.pack("<Q", len(text)) + text + body)[:MOST]


KINDS = {
    "F32": 4,
    "F64": 8,
    "F16": 2,
    "BF16": 2,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "I64": 8,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
    "C64": 8,
    "F4": 1,
}


def _reshaped(header: dict[str, Any], name: str, body: bytes, rng: random.Random) -> bytes:
    """Another type or shape for a tensor; all tensors are laid out anew, so that the file is a valid one."""
    pieces = {}
    for one, entry in header.items():
        if one != "__metadata__":
            begin, end = entry["data_offsets"]
            pieces[one] = body[begin:end]
    entry = header[name]
    if rng.random() < 0.5:
        entry["dtype"] = rng.choice(list(KINDS))
    if rng.random() < 0.5:
        entry["shape"] = changed(entry["shape"], rng)
    count = KINDS.get(entry["dtype"], 1)
    for axis in entry["shape"]:
        count *= int(axis)
    if 0 <= count < 20_000:
        pieces[name] = (pieces[name] * (count // max(len(pieces[name]), 1) + 1))[:count]
    start = 0
    for one, piece in pieces.items():
        header[one]["data_offsets"] = [start, start + len(piece)]
        start += len(piece)
    return b"".join(pieces.values())


def pictured(content: bytes, rng: random.Random) -> bytes:
    """Of a picture: bytes changed; in a PNG, the checksums of its chunks are made right again, so that they are read at all."""
    data = bytewise(content, rng)
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or rng.random() < 0.2:
        return data
    fixed, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        length = struct.unpack(">I", data[at : at + 4])[0]
        chunk = data[at + 4 : at + 8 + length]
        if len(chunk) != length + 4:
            break
        fixed += struct.pack(">I", length) + chunk + struct.pack(">I", zlib.crc32(chunk))
        at += 12 + length
    return bytes(fixed + data[at:])

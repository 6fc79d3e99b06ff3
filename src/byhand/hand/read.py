"""Photographs of filled-in sheets become the characters of one person: a folder with arrays and a contact sheet.

The folder holds `characters.npz` (`pictures` (N, 28, 28) bytes, `characters` (N,), `extents` (N, 4) in millimetres within the
box) and `contact.png`, which shows every box as it was read, with what is wrong with it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from byhand.data.picture_file import opened
from byhand.errors import DataError
from byhand.files import write_atomically
from byhand.hand.boxes import OK, STRUCK, TOUCHES, TWO, Reading, read_boxes
from byhand.hand.sheet import CHARACTERS
from byhand.hand.straighten import straightened

CHARACTERS_FILE, CONTACT_FILE = "characters.npz", "contact.png"
ENOUGH = 10  # usable characters, of which a hand can be trained
TILE, ROW = 44, 16  # pixels of a box on the contact sheet; boxes a row
COLOURS = {OK: (30, 30, 30), TOUCHES: (200, 110, 0), TWO: (200, 0, 0), STRUCK: (200, 0, 0)}


def read_photo(path: Path | str) -> list[Reading]:
    """Every box of the sheet on a photograph, in the sheet's order.

    Raises DataError for a photograph that cannot be read: what is wrong with it, and what to do.
    """
    path = Path(path)
    with opened(path) as image:
        upright = ImageOps.exif_transpose(image).convert("L")
    return read_boxes(*straightened(upright, path.name), path.name)


def read_hand(photos: Sequence[Path | str], out: Path | str) -> list[Reading]:
    """Read photographs into a folder; what is in more than one of them counts each time.

    Raises DataError as `read_photo`, and where not one box can be used; then nothing is written.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} must be a folder, got a file: choose another -o")
    found = [reading for photo in photos for reading in read_photo(photo)]
    usable = [reading for reading in found if reading.state == OK]
    if not usable:
        raise DataError(f"{Path(photos[0]).name} has no box that can be used: write one character inside of each box")
    held = io.BytesIO()
    np.savez_compressed(
        held,
        pictures=np.stack([np.round(reading.picture * 255).astype(np.uint8) for reading in usable]),
        characters=np.array([reading.box.character for reading in usable]),
        extents=np.array([reading.extent for reading in usable], np.float32),
    )
    shown = io.BytesIO()
    contact_sheet(found).save(shown, "PNG")
    write_atomically(out / CONTACT_FILE, shown.getvalue())
    write_atomically(out / CHARACTERS_FILE, held.getvalue())
    return found


def missing(found: Sequence[Reading]) -> str:
    """The characters of which there is no usable box."""
    have = {reading.box.character for reading in found if reading.state == OK}
    return "".join(character for character in CHARACTERS if character not in have)


def contact_sheet(found: Sequence[Reading]) -> Image.Image:
    """Every box that is not empty, with its character; in another colour, and with the reason, where it cannot be used."""
    shown = [reading for reading in found if reading.state in COLOURS]
    rows = -(-len(shown) // ROW)
    page = Image.new("RGB", (ROW * (TILE + 8) + 8, max(1, rows) * (TILE + 30) + 8), "white")
    draw, font, small = ImageDraw.Draw(page), ImageFont.load_default(13), ImageFont.load_default(8)
    for i, reading in enumerate(shown):
        x, y = 8 + i % ROW * (TILE + 8), 8 + i // ROW * (TILE + 30)
        tile = Image.fromarray(255 - np.round(reading.picture * 255).astype(np.uint8)).resize((TILE, TILE))
        page.paste(tile.convert("RGB"), (x, y + 16))
        colour = COLOURS[reading.state]
        draw.rectangle([x - 1, y + 15, x + TILE, y + 16 + TILE], outline=colour)
        draw.text((x, y - 1), reading.box.character, colour, font)
        if reading.state != OK:
            draw.text((x + 12, y + 4), reading.state.split()[0], colour, small)
    return page

"""Moving pictures, written as GIF, APNG, WebP or MP4 by the file's ending; all frames of a GIF share one palette.

A GIF with a palette a frame flickers, as each frame's colours are rounded anew, and is larger. Here a frame is an array of grey
levels, and the palette is one ramp from the paper to the ink, the same for all frames: nothing is rounded twice.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from byhand.errors import ByhandError
from byhand.files import write_atomically

Frame = NDArray[np.uint8]
Colour = tuple[int, int, int]

ENDINGS = (".gif", ".png", ".apng", ".webp", ".mp4")
LEVELS = 32  # of the palette: more can hardly be told apart in a moving picture, and twice as many cost half as much again
SHORTEST = 20  # ms a frame: browsers slow a GIF down that asks for less


@dataclass(frozen=True)
class Style:
    """The two ends of the colour ramp: what level 0 and level 255 look like. Transparent paper is left out of the picture.

    With an accent the levels are two ramps, each from the paper: 0 to 127 to the ink, 128 to 255 to the accent.
    """

    paper: Colour
    ink: Colour
    transparent: bool = False
    accent: Colour | None = None


STYLES = {
    "dark": Style((25, 26, 31), (250, 246, 236)),
    "light": Style((255, 255, 255), (28, 28, 34)),
    "paper": Style((247, 242, 230), (38, 50, 92)),
    "transparent": Style((255, 255, 255), (28, 28, 34), transparent=True),
}
ACCENTS = {
    "dark": (255, 176, 84),
    "light": (199, 88, 10),
    "paper": (176, 62, 34),
    "transparent": (199, 88, 10),
}  # the second colour of each, where a picture has two


def style_named(name: str) -> Style:
    """The style of this name; raises ByhandError for an unknown one."""
    if name not in STYLES:
        raise ByhandError(f"style {name!r} is unknown: choose one of {', '.join(STYLES)}")
    return STYLES[name]


def check_ending(path: Path) -> None:
    """Raises ByhandError for a file's ending that is no animation's, and for an MP4 without ffmpeg."""
    if path.suffix.lower() not in ENDINGS:
        raise ByhandError(f"{path} ends in {path.suffix or 'nothing'}: an animation is one of {', '.join(ENDINGS)}")
    if path.suffix.lower() == ".mp4":
        _ffmpeg(path)


def write_animation(frames: Sequence[Frame], durations: Sequence[int], path: Path, style: Style = STYLES["dark"]) -> None:
    """Write grey frames (H, W), 0 for paper to 255 for ink, or coloured ones (H, W, 3), each shown for so many ms, for ever.

    The file appears whole or not at all. Raises ByhandError for an ending that is not known, frames of different sizes or
    none, and an MP4 without ffmpeg.
    """
    check_ending(path)
    if not frames or len(frames) != len(durations) or any(frame.shape != frames[0].shape for frame in frames):
        raise ByhandError(f"an animation needs frames of one size and a duration each, got {len(frames)} and {len(durations)}")
    frames, durations = _merged(frames, durations)
    ending = path.suffix.lower()
    if ending == ".mp4":
        write_atomically(path, _mp4(frames, durations, style, path))
        return
    pictures = [_picture(frame, style, palette=ending == ".gif") for frame in frames]
    kind, options = {
        ".gif": ("GIF", {"loop": 0, "disposal": 1, "optimize": False}),
        ".png": ("PNG", {"loop": 0}),
        ".apng": ("PNG", {"loop": 0}),
        ".webp": ("WEBP", {"loop": 0, "quality": 80, "method": 4}),
    }[ending]
    if style.transparent:
        options |= {"disposal": 2 if ending == ".gif" else 1}
        options |= {"transparency": 0} if ending == ".gif" else {}
    held = io.BytesIO()
    pictures[0].save(held, kind, save_all=True, append_images=pictures[1:], duration=list(durations), **options)
    write_atomically(path, held.getvalue())


def write_picture(frame: Frame, path: Path, style: Style = STYLES["light"]) -> None:
    """Write one frame, grey (H, W) or coloured (H, W, 3), as a PNG, whole or not at all."""
    held = io.BytesIO()
    _picture(frame, style, palette=False).save(held, "PNG", optimize=True)
    write_atomically(path, held.getvalue())


def _merged(frames: Sequence[Frame], durations: Sequence[int]) -> tuple[list[Frame], list[int]]:
    """Equal frames one after another made one that stays longer: a hold costs nothing."""
    kept, times = [frames[0]], [max(SHORTEST, int(durations[0]))]
    for frame, duration in zip(frames[1:], durations[1:], strict=True):
        if np.array_equal(frame, kept[-1]):
            times[-1] += int(duration)
        else:
            kept.append(frame)
            times.append(max(SHORTEST, int(duration)))
    return kept, times


def _ramp(style: Style, levels: int) -> NDArray[np.uint8]:
    if style.accent is not None:
        halves = [Style(style.paper, style.ink), Style(style.paper, style.accent)]
        return np.concatenate([_ramp(half, levels // 2) for half in halves])
    share = np.linspace(0, 1, levels)[:, None]
    return np.round((1 - share) * np.array(style.paper) + share * np.array(style.ink)).astype(np.uint8)


def _picture(frame: Frame, style: Style, palette: bool) -> Image.Image:
    if frame.ndim == 3:  # colours are what they are, in every style
        coloured = Image.fromarray(frame, "RGB")
        return coloured.quantize(LEVELS * 2, dither=Image.Dither.NONE) if palette else coloured
    if style.transparent and not palette:
        clear = np.empty((*frame.shape, 4), np.uint8)
        clear[..., :3], clear[..., 3] = style.ink, frame
        return Image.fromarray(clear, "RGBA")
    if not palette:
        return Image.fromarray(_ramp(style, 256)[frame], "RGB")
    picture = Image.fromarray(np.round(frame * ((LEVELS - 1) / 255)).astype(np.uint8), "P")
    picture.putpalette(_ramp(style, LEVELS).tobytes())
    return picture


def _mp4(frames: Sequence[Frame], durations: Sequence[int], style: Style, path: Path) -> bytes:
    ffmpeg = _ffmpeg(path)
    rate = 50
    ramp = _ramp(style, 256)
    height, width = (side - side % 2 for side in frames[0].shape[:2])  # H.264 wants even sides
    times = [max(1, round(duration * rate / 1000)) for duration in durations]
    raw = b"".join(
        (ramp[kept] if (kept := frame[:height, :width]).ndim == 2 else kept).tobytes() * n
        for frame, n in zip(frames, times, strict=True)
    )
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(rate), "-i", "-"]
    target = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "-"]
    done = subprocess.run([ffmpeg, "-loglevel", "error", *source, *target], input=raw, capture_output=True, check=False)
    if done.returncode != 0:
        reason = " ".join(done.stderr.decode(errors="replace").split())[:200]
        raise ByhandError(f"{path}: ffmpeg could not write it ({reason}): choose .gif or .webp")
    return done.stdout


def _ffmpeg(path: Path) -> str:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise ByhandError(f"{path}: an MP4 needs ffmpeg, which is not installed: install it, or choose .gif or .webp")
    return ffmpeg

"""Animations: their frames, times and palette as a reader of the file finds them; what is refused, with nothing left behind."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from byhand.draw.animation import LEVELS, STYLES, style_named, write_animation, write_picture
from byhand.errors import ByhandError


def moving(count: int = 6, side: int = 24) -> list[Any]:
    frames = []
    for i in range(count):
        frame = np.zeros((side, side + 2), np.uint8)
        frame[4:12, 2 * i : 2 * i + 8] = np.linspace(40, 255, 8).astype(np.uint8)
        frames.append(frame)
    return frames


def read(path: Path) -> tuple[list[Any], list[int], Any]:
    with Image.open(path) as picture:
        frames, times = [], []
        for i in range(getattr(picture, "n_frames", 1)):
            picture.seek(i)
            picture.load()
            seen = np.asarray(picture.convert("RGBA")).astype(int)  # over white, where it is transparent
            frames.append(np.round(seen[..., :3] * (seen[..., 3:] / 255) + 255 - seen[..., 3:]).astype(int))
            times.append(picture.info.get("duration"))
        return frames, times, picture.info.get("loop")


def coloured(frame: Any, style: str = "dark") -> Any:
    share = frame[..., None] / 255
    return (1 - share) * np.array(STYLES[style].paper) + share * np.array(STYLES[style].ink)


@pytest.mark.parametrize("style", sorted(STYLES))
@pytest.mark.parametrize(("ending", "off"), [(".gif", 255 / LEVELS), (".png", 1), (".apng", 1), (".webp", 40)])
def test_every_frame_is_there_for_its_time(tmp_path: Path, ending: str, off: float, style: str) -> None:
    frames, times = moving(), [300, 40, 60, 40, 80, 500]
    write_animation(frames, times, tmp_path / f"a{ending}", STYLES[style])
    found, shown, loop = read(tmp_path / f"a{ending}")
    assert len(found) == len(frames)
    assert loop == 0
    if ending != ".webp":  # Pillow tells no times of WebP's frames
        assert [round(time) for time in shown] == times
    for ours, theirs in zip(frames, found, strict=True):
        assert np.abs(coloured(ours, style) - theirs).max() <= off


def test_a_gif_has_one_palette_so_that_what_stands_still_does_not_flicker(tmp_path: Path) -> None:
    write_animation(moving(), [40] * 6, tmp_path / "a.gif")
    raw = (tmp_path / "a.gif").read_bytes()
    found, _, _ = read(tmp_path / "a.gif")
    assert raw[10] & 0x80  # a global table of colours
    assert all(np.array_equal(found[0][14:], frame[14:]) for frame in found)
    levels = {tuple(pixel) for frame in found for pixel in frame.reshape(-1, 3)}
    assert len(levels) <= LEVELS


def test_equal_frames_become_one_that_stays_longer(tmp_path: Path) -> None:
    a, b = moving(2)
    write_animation([a, a, a, b, b], [100, 200, 300, 50, 70], tmp_path / "a.gif")
    found, times, _ = read(tmp_path / "a.gif")
    assert (len(found), times) == (2, [600, 120])


def test_no_frame_is_shorter_than_browsers_show(tmp_path: Path) -> None:
    write_animation(moving(2), [1, 5], tmp_path / "a.gif")
    assert read(tmp_path / "a.gif")[1] == [20, 20]


def test_a_picture_is_the_frame(tmp_path: Path) -> None:
    frame = moving(1)[0]
    write_picture(frame, tmp_path / "a.png")
    assert np.abs(coloured(frame, "light") - read(tmp_path / "a.png")[0][0]).max() <= 1


@pytest.mark.parametrize(
    ("name", "frames", "times", "message"),
    [
        ("a.bmp", moving(2), [40, 40], "ends in .bmp: an animation is one of .gif"),
        ("a", moving(2), [40, 40], "ends in nothing"),
        ("a.gif", [], [], "needs frames of one size and a duration each, got 0 and 0"),
        ("a.gif", moving(2), [40], "got 2 and 1"),
        ("a.gif", [moving(1)[0], moving(1, 30)[0]], [40, 40], "frames of one size"),
    ],
)
def test_what_is_no_animation_is_refused(tmp_path: Path, name: str, frames: Any, times: Any, message: str) -> None:
    with pytest.raises(ByhandError, match=message):
        write_animation(frames, times, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_style_names_those_there_are() -> None:
    with pytest.raises(ByhandError, match="style 'neon' is unknown: choose one of dark, light, paper"):
        style_named("neon")


def test_an_mp4_without_ffmpeg_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ByhandError, match=r"needs ffmpeg, which is not installed: install it, or choose \.gif or \.webp"):
        write_animation(moving(2), [40, 40], tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def standing_in(folder: Path, script: str) -> None:
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_an_mp4_is_what_ffmpeg_makes_of_every_frame_at_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing_in(tmp_path, f'/bin/cat > {tmp_path}/raw; echo "$@" > {tmp_path}/asked; echo film')
    monkeypatch.setenv("PATH", str(tmp_path))
    frames = moving(2)
    write_animation(frames, [100, 40], tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_text() == "film\n"
    raw = np.frombuffer((tmp_path / "raw").read_bytes(), np.uint8).reshape(-1, 24, 26, 3).astype(int)
    assert len(raw) == 5 + 2  # of 20 ms each
    assert np.abs(raw[0] - coloured(frames[0])).max() <= 1
    assert np.abs(raw[-1] - coloured(frames[1])).max() <= 1
    assert "-s 26x24 -r 50" in (tmp_path / "asked").read_text()


def test_an_ffmpeg_that_fails_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing_in(tmp_path, "/bin/cat > /dev/null; echo 'no such encoder' >&2; echo 'at all' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ByhandError, match=r"ffmpeg could not write it \(no such encoder at all\)"):
        write_animation(moving(2), [40, 40], tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()

"""The command line in surroundings that are not ours: other encodings, narrow consoles, no home, a full disk, Ctrl-C."""

from __future__ import annotations

import ast
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from byhand import cli
from byhand.cli import frame
from byhand.console import open_console

Command = Callable[..., "Done"]


@dataclass
class Done:
    """How a command ended, and what it printed."""

    status: int
    out: str
    error: str


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """A command as it is called from a shell, in this process; its standard output is a file of this encoding."""

    def run(*arguments: str, encoding: str = "utf-8") -> Done:
        written, told = io.BytesIO(), io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding, newline="\n"))
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(told, encoding=encoding, newline="\n"))
        monkeypatch.setattr(sys, "argv", ["byhand", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        sys.stdout.flush()
        sys.stderr.flush()
        assert isinstance(end.value.code, int)
        return Done(end.value.code, written.getvalue().decode(encoding), told.getvalue().decode(encoding))

    return run


def started(*arguments: str, **settings: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "byhand", *arguments], stderr=subprocess.PIPE, text=True, encoding="utf-8", **settings
    )


# ---------------------------------------------------------------- encodings


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437", "shift_jis"])
@pytest.mark.parametrize(
    "arguments",
    [("explain", "iris", "--sample", "3"), ("explain", "iris", "--number", "z2:0,4"), ("models",), ("recipes",), ("--help",)],
    ids=" ".join,
)
def test_what_is_printed_can_be_read_in_every_encoding(arguments: tuple[str, ...], encoding: str, command: Command) -> None:
    done = command(*arguments, encoding=encoding)
    assert (done.status, done.error) == (0, "")
    assert len(done.out) > 200
    assert "\\u" not in done.out and "?" not in done.out  # spelled out, not escaped and not lost


@pytest.mark.slow
def test_a_formula_is_spelled_out_as_in_a_mail(command: Command) -> None:
    shown = command("explain", "iris", "--sample", "3", "--full", encoding="ascii").out
    assert "a^l = sigma(z^l)" in shown
    assert "delta^l = delta^(l+1) w^(l+1) .* sigma'(z^l)" in shown
    assert "δˡ⁺¹" in command("explain", "iris", "--sample", "3", "--full").out  # where the stream has the letters, they stay


@pytest.mark.slow
def test_tables_keep_their_columns_though_their_symbols_are_spelled_out(command: Command) -> None:
    lines = command("explain", "iris", "--sample", "3", "--full", encoding="ascii").out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip().startswith("+-"))
    table = [line.rstrip() for line in lines[at:] if line.strip()][:7]
    assert len({len(line) for line in table}) == 1, "\n".join(table)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("models",), ("explain", "iris"), ("recipes",)], ids=" ".join)
def test_json_is_ascii_whatever_the_encoding(arguments: tuple[str, ...], command: Command) -> None:
    done = command(*arguments, "--json", encoding="ascii")
    assert done.status == 0
    assert json.loads(done.out) == json.loads(command(*arguments, "--json").out)


def test_a_file_whose_name_is_no_text_is_read_and_named(tmp_path: Path, command: Command, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    drawing = Image.new("L", (60, 60), 255)
    drawing.paste(0, (25, 8, 33, 52))
    with open(b"\xffone.png", "wb") as file:
        drawing.save(file, "png")
    done = command("predict", "mnist", os.fsdecode(b"\xffone.png"))
    assert done.status == 0 and done.out.startswith("\\xffone.png: 1 (")
    done = command("predict", "mnist", os.fsdecode(b"\xfftwo.png"))
    assert done.status == 1 and "\\xfftwo.png" in done.error and "Traceback" not in done.error


def test_everything_that_is_spelled_out_by_name_is_one_letter() -> None:
    from byhand.console import ERRORS, SPELLED

    for letter, spelled in SPELLED.items():
        assert letter.encode("ascii", ERRORS).decode() == spelled
    assert "Ω δ µ ϵ é".encode("ascii", ERRORS) == b"Omega delta mu epsilon e"


# ---------------------------------------------------------------- consoles


@pytest.mark.parametrize("columns", ["40", "20"])
@pytest.mark.parametrize("arguments", [("explain", "iris", "--sample", "3"), ("recipes",), ("--help",)], ids=" ".join)
def test_no_line_is_wider_than_a_narrow_console(
    columns: str, arguments: tuple[str, ...], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.cells import cell_len

    monkeypatch.setenv("COLUMNS", columns)
    done = command(*arguments)
    assert done.status == 0
    assert max(map(cell_len, done.out.splitlines())) <= int(columns)


@pytest.mark.parametrize("columns", ["0", "", "many", "1"])
def test_a_console_that_does_not_know_its_width_is_printed_on_all_the_same(
    columns: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert len(command("recipes").out) > 100


@pytest.mark.slow
@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "xterm-256color"}])
def test_there_are_no_escape_codes_where_nobody_looks(
    setting: dict[str, str], command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    for arguments in (("explain", "iris"), ("train", "iris", "--epochs", "2", "--out", str(tmp_path / "run"))):
        done = command(*arguments)
        assert done.status == 0
        assert "\x1b" not in done.out + done.error and "\r" not in done.out + done.error


# ---------------------------------------------------------------- ends from outside


def test_ctrl_c_is_one_line_and_status_130(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(frame, "console", interrupted)
    done = command("recipes")
    assert (done.status, done.out, done.error) == (130, "", "byhand: stopped\n")


@pytest.mark.slow
def test_ctrl_c_in_a_training_says_how_it_goes_on(tmp_path: Path) -> None:
    process = started("train", "mnist-nielsen-30", "--epochs", "500", "--out", str(tmp_path), stdout=subprocess.PIPE)
    end = time.monotonic() + 60
    while not list(tmp_path.glob("*.jsonl")) and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == "" and "Traceback" not in error
    assert [line for line in error.splitlines() if line][-1].startswith("byhand: stopped by SIGINT after step")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("recipes",), ("recipes", "--json")], ids=" ".join)
def test_a_reader_that_has_gone_ends_it_without_a_word(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = started(*arguments, stdout=writing)
    os.close(writing)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 141


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's disk that is always full")
def test_a_full_disk_behind_the_output_is_one_line() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        process = started("recipes", "--json", stdout=full)
        error = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert error == "byhand: standard output: No space left on device\n"


@pytest.mark.slow
def test_no_streams_no_home_no_folder_and_a_notebooks_backend_are_all_survived(tmp_path: Path) -> None:
    """What services and notebooks start: everything is closed, HOME cannot be written, the folder is gone."""
    gone = tmp_path / "gone"
    gone.mkdir()
    run = tmp_path / "run"
    code = (
        "import os, sys\n"
        "os.rmdir(os.getcwd())\n"
        f"sys.argv = ['byhand', 'train', 'iris', '--epochs', '2', '--out', {str(run)!r}]\n"
        "for number in (0, 1, 2): os.close(number)\n"
        "sys.stdin = sys.stdout = sys.stderr = None\n"
        "from byhand.cli import main\n"
        "main()\n"
    )
    environment = {
        **os.environ,
        "HOME": "/proc/nowhere",
        "MPLBACKEND": "module://no_such_notebook.backend_inline",
        "PYTHONUTF8": "0",
        "LC_ALL": "C",
    }
    done = subprocess.run([sys.executable, "-c", code], cwd=gone, env=environment, timeout=60, check=False)
    assert done.returncode == 0
    with Image.open(run / "curves.png") as picture:
        assert picture.width > 500


def test_a_console_of_ones_own_stream_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    open_console().print("δ")
    assert stream.getvalue() == "δ\n"


# ---------------------------------------------------------------- files


def unnamed(tree: ast.AST) -> list[int]:
    """The lines on which a file or a pipe of text is opened, and its encoding left to the system."""
    found = []
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        given = {argument.arg: argument.value for argument in call.keywords}
        texts = [
            part.value
            for argument in [*call.args, *given.values()]
            for part in ast.walk(argument)
            if isinstance(part, ast.Constant)
        ]
        module = getattr(getattr(call.func, "value", None), "id", "")
        if name in {"open", "fdopen"} and module not in {"Image", "webbrowser", "gzip", "packed", "archive"}:
            asked = not any(isinstance(text, str) and "b" in text and len(text) <= 3 for text in texts)
            asked = asked and not (module == "os" and name == "open")
        else:
            asked = name in {"read_text", "write_text"} or "text" in given or "universal_newlines" in given
            asked = asked and (name in {"read_text", "write_text", "run", "Popen", "check_output"})
        if asked and "encoding" not in given:
            found.append(call.lineno)
    return found


@pytest.mark.slow
def test_no_text_file_of_the_package_is_in_the_encoding_of_the_system() -> None:
    import byhand

    root = Path(byhand.__file__).parent
    assert unnamed(ast.parse("open('x'); p.read_text(); p.open('w'); subprocess.run(c, text=True); open('x', 'rb')")) == [1] * 4
    found = {
        str(path.relative_to(root)): lines
        for path in root.rglob("*.py")
        if (lines := unnamed(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert found == {}

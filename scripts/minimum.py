"""Install the declared minimum of every dependency, or the newest, and run a representative part of the tests with it.

    python scripts/minimum.py [--newest] [--python PYTHON] [--venv FOLDER] [TESTS...]

A minimum that does not install, or does not pass, is not one: raise it in pyproject.toml.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Each dependency is used by one of these.
TESTS = [
    "tests/kernels",  # numba, numpy
    "tests/test_modelfile.py",  # safetensors
    "tests/test_surroundings.py",  # typer, rich, matplotlib
    "tests/test_cli.py",
    "tests/draw",  # pillow
    "tests/data/test_prepare.py",
    "tests/data/test_sets.py",  # platformdirs
    "tests/see/test_page.py",  # latex2mathml
    "tests/see/test_terminal.py",
    "tests/training/test_run.py",  # tomli-w
    "tests/web/test_server.py",  # starlette, uvicorn
    "tests/web/test_train_session.py",  # websockets
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--newest", action="store_true", help="the newest of everything instead")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--venv", type=Path, help="a folder that is kept; else a temporary one")
    parser.add_argument("tests", nargs="*", default=TESTS)
    options = parser.parse_args()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [name if options.newest else name.replace(">=", "==") for name in project["dependencies"]]
    tools = [name for name in project["optional-dependencies"]["dev"] if name.startswith(("pytest", "hypothesis", "httpx"))]
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.venv or Path(temporary)
        python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        subprocess.run([options.python, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "--no-deps", "--editable", ROOT], check=True)
        subprocess.run([*install, "--upgrade", *wanted, *tools], check=True)
        subprocess.run([python, "-m", "pip", "check"], check=True)
        # An old version may well be warned of by its newer neighbours; the newest must be quiet.
        quiet = [] if options.newest else ["-W", "ignore::DeprecationWarning"]
        sys.exit(subprocess.run([python, "-m", "pytest", *quiet, *options.tests], cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    main()

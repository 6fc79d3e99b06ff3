# `make demo` and `make test` each do everything from a fresh clone: they need only Python >= 3.11, git, make and a package index.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DEMO   ?= demo

.PHONY: demo test lint type format bench docs clean browser

$(VENV)/.runtime: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(VENV)/.runtime

# PyTorch is a development dependency for comparisons only, and a heavy one: it comes only when it is asked for.
$(VENV)/.compare: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'torch==2.13.0'
	touch $@

demo: $(VENV)/.runtime
	$(BIN)/byhand demo --out $(DEMO)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: $(VENV)/.dev
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

browser:
	@sh scripts/install_browser.sh

test: $(VENV)/.dev $(if $(BYHAND_COMPARE),$(VENV)/.compare) browser lint type
	$(BIN)/pytest

bench: $(VENV)/.compare
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'jax>=0.4.30' 'scikit-learn>=1.5'
	$(BIN)/python benchmarks/feedforward.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/diffusion.py

clean:
	rm -rf $(VENV) $(DEMO) runs .mypy_cache .ruff_cache .hypothesis

# `make demo` and `make test` each do everything from a fresh clone: they need only Python >= 3.11, git, make and a package index.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DEMO   ?= demo
# Tests run side by side, in a process per core and two more, as many wait for a browser or a server; `make test WORKERS=1`
# runs them one after the other.
WORKERS  ?= $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 1) + 2)")
PARALLEL := -n $(WORKERS) --maxprocesses 8 --dist worksteal

# The tests start hundreds of processes, and each would compile all that it imports where bytecode is not kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test kernels quick minimum lint type format bench docs clean browser

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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[compare]'
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

test: $(VENV)/.dev $(if $(BYHAND_COMPARE),$(VENV)/.compare) browser
	@$(MAKE) --no-print-directory --jobs 2 lint type kernels
	$(BIN)/python -m pytest $(PARALLEL)

# Before the tests, that several processes do not compile the same at the same time.
kernels: $(VENV)/.dev
	$(BIN)/python -m tests.compile_kernels

# For daily work: no browser, none of the tests that take most of the time, fewer examples by Hypothesis.
quick: $(VENV)/.dev lint type
	BYHAND_QUICK=1 $(BIN)/python -m pytest $(PARALLEL) -m 'not slow and not browser'

# Do the declared minimums of our dependencies install, and pass?
minimum:
	$(PYTHON) scripts/minimum.py

bench: $(VENV)/.compare
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'jax>=0.4.30' 'scikit-learn>=1.5'
	$(BIN)/python benchmarks/feedforward.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/diffusion.py

clean:
	rm -rf $(VENV) $(DEMO) runs .mypy_cache .ruff_cache .hypothesis

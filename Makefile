# Two commands for a newcomer: make demo, make test. Everything else is for the people who work on it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEV := $(VENV)/.installed-dev

.PHONY: demo test check lint types imports storm chaos soak simulate lock clean

demo: $(INSTALLED)
	KABAR_VAR_DIR=var/demo $(BIN)/kabar demo

test: check

# The one gate, and what CI runs.
check: $(DEV) lint types imports
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -q

# 20,000 messages in five minutes, with faults of every kind, judged by the providers' own log.
storm: $(DEV)
	$(BIN)/python -m tests.storm

# Five million messages in fifty days on the daemon's clock: exits 1 when memory, handles, connections or a table grew. An hour; writes docs/soak.json.
soak: $(DEV)
	$(BIN)/python -m tests.soak --figures docs/soak.json

# Everything docs/reliability.md promises, on real processes; writes what it measured into that page. Up to 30 minutes on two cores.
chaos: $(DEV)
	$(BIN)/python -m tests.chaos

# A hundred little worlds on a virtual clock, each decided by its seed, about a second each; what fails is told as the command that replays it.
simulate: $(DEV)
	$(BIN)/python -m tests.simulation --seeds 100

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV)
	$(BIN)/mypy

imports: $(DEV)
	$(BIN)/lint-imports --no-cache

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Kabar needs Python 3.11 or newer; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(DEV): requirements-dev.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@ $(INSTALLED)

# Needs uv on the PATH; the files it writes name no index.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --no-emit-find-links --group build pyproject.toml -o requirements.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --no-emit-find-links --group build --group dev pyproject.toml -o requirements-dev.txt -c requirements.txt

clean:
	rm -rf $(VENV) var build *.egg-info .pytest_cache .mypy_cache .ruff_cache

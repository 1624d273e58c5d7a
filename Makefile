# The one door. On a fresh machine: Python 3.11+ with venv, and make. Nothing else.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: demo test screenshots bench lint format clean

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

demo: .venv/installed
	$(BIN)/proofhook demo $(ARGS)

test: .venv/installed
	$(BIN)/python -m pytest -n 3 --dist loadfile $(ARGS)

screenshots: .venv/installed
	PROOFHOOK_SCREENSHOTS=1 $(BIN)/python -m pytest tests/browser/test_looks.py $(ARGS)

bench: .venv/installed
	$(BIN)/python -m benchmarks $(ARGS)

lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache

# Two commands are all a fresh machine needs: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# The peers of the bench want packages of their own.
.venv-bench/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	.venv-bench/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	touch $@

.PHONY: demo test test-all fast bench zoo density planted coverage crash lint clean
demo: .venv/ready
	$(BIN)/harmonium train digits --seed 1 --out runs/demo --replace

test: .venv/ready lint
	$(BIN)/pytest -n 2 --dist worksteal -m 'not whole' --durations=10

test-all: .venv/ready lint
	$(BIN)/pytest -n 2 --dist worksteal --durations=10

fast: .venv/ready
	$(BIN)/pytest -n 2 --dist worksteal -m 'not slow and not whole'

bench: .venv-bench/ready
	.venv-bench/bin/python benchmarks/bench.py

zoo: .venv/ready
	$(BIN)/python benchmarks/zoo.py

density: .venv/ready
	$(BIN)/python benchmarks/density.py

planted: .venv/ready
	$(BIN)/python tests/planted/check.py

coverage: .venv/ready
	$(BIN)/python tests/gallery/audit.py

crash: .venv/ready
	$(BIN)/python tests/crash/check.py 200 SIGKILL
	$(BIN)/python tests/crash/check.py 100 SIGINT
	$(BIN)/python tests/crash/check.py 100 SIGTERM

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv .venv-bench

# make demo | test | check | docs | fuzz | quality | report [TIER=smoke|cpu|full]: each makes its own environment in .venv from Python >= 3.11 and a package index.
PYTHON ?= python3
BIN := .venv/bin

TIER ?= cpu
QUICK := XLA_FLAGS="--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
REPORT = $(if $(filter smoke,$(TIER)),$(QUICK)) $(BIN)/python -m experiments.report --tier $(TIER) --out report/$(TIER)

.PHONY: demo test check docs fuzz report quality bench clean

demo: .venv/.demo
	$(BIN)/python -m experiments.demo.run --out demo

test: .venv/.test
	$(BIN)/pytest

check: .venv/.check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

docs: .venv/.docs
	$(BIN)/zensical build --clean --strict

fuzz: .venv/.fuzz
	$(BIN)/python -m tests.fuzz

report: .venv/.report
ifeq ($(TIER),smoke)
	$(REPORT) --only gatys2016 stanford & $(REPORT) --only survey; wait  # what fails, fails again below
endif
	$(REPORT)

quality: .venv/.report
	$(BIN)/python -m experiments.quality.run --out quality

bench: .venv/.bench
	$(BIN)/python -m experiments.benchmarks.speed --out experiments/benchmarks/results

.venv/.%: pyproject.toml | .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$*]"
	touch $@

.venv/.check: .venv/.test pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[check]"
	touch $@

.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "jaxstyle needs Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv .venv

clean:
	rm -rf .venv demo report quality gallery site

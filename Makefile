# make test   everything a fresh clone needs, then all tests       make check  the static part too
# make mutation  seeded bugs of the compiler: the tests must catch each
# make fmt    put the sources into shape                           make bench  beside the peers
# make vmtest the kernel tests under 5.10, 6.1, 6.12 and 7.3, emulated
# make fuzz   random programs: FUZZ_SECONDS= or FUZZ_COUNT=, SEED=
#
# PYTHON=...        the interpreter to build .venv with (default: the first python3 >= 3.11)
# NO_INSTALL=1      install no system packages; tests whose tool is missing skip and say so
# PROBEE_REQUIRE=   "kernel", "oracles" or both with a comma: their tests fail instead of skipping
# TESTS=...         what `make test` runs (default: tests/)

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
VM_STAMP := $(VENV)/.complete-vm
TESTS ?= tests
PYTEST_ARGS ?=

.PHONY: all static format lint types contracts sizes tables check test vmtest mutation bench fuzz fmt \
        oracles clean
.DEFAULT_GOAL := all

all: $(STAMP)

$(STAMP): pyproject.toml scripts/make_venv.sh
	@scripts/make_venv.sh $(VENV)
	@touch $@

# System packages: the real tools that tests compare with. Only as root, only what is missing.
oracles: $(STAMP)
	@$(BIN)/python scripts/oracles.py --install

# Each part of the static check is a target, so that `make -k static` tells of all of them.
static: format lint types contracts sizes tables

format: $(STAMP)
	$(BIN)/ruff format --check --diff --quiet .

lint: $(STAMP)
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

contracts: $(STAMP)
	$(BIN)/lint-imports --no-logo --no-cache

sizes: $(STAMP)
	$(BIN)/python scripts/check_sizes.py

tables: $(STAMP)
	$(BIN)/python scripts/generate_tables.py --check

check: static test

test: $(STAMP) oracles
	$(BIN)/python -m pytest $(PYTEST_ARGS) $(TESTS)

# KERNELS="5.10 7.3" narrows it; VMTEST_ARGS=--all runs every kernel test there (hours).
vmtest: $(VM_STAMP)
	$(BIN)/python -m vmtest $(KERNELS) $(VMTEST_ARGS)

$(VM_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[vm]'
	@touch $@

mutation: $(STAMP)
	$(BIN)/python -m tests.mutation $(MUTANTS)

bench: $(STAMP)
	$(BIN)/python -m bench

# FUZZ_SECONDS= (60 if nothing is said), FUZZ_COUNT=, SEED=, FUZZ_KERNEL=0: see CONTRIBUTING.md
fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz

fmt: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .output
	rm -rf build dist bench/.build
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

# What a person does with a checkout. Needs Python >= 3.11 and make; everything else comes from requirements/.

# The first Python that is new enough.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
INSTALLED := .venv/installed
# In the order of their folders, so that the long ones, of the whole system, are not the last.
PYTEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: install dev test audit crash bench format lock clean

install: $(INSTALLED)

$(INSTALLED): requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "onsale needs Python 3.11 or newer: install it, or run make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

# Pass options on: make dev ARGS="--port 9000 --data-dir /var/lib/onsale"
dev: install
	@$(BIN)/onsale dev $(ARGS)

test: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/python -m tests.audit_packages --where-possible
	$(BIN)/pytest $(PYTEST_ARGS)

# Known vulnerabilities of the pinned packages; fails where the advisory service cannot be asked, too.
audit: install
	@$(BIN)/python -m tests.audit_packages

# Kills each process wherever it can be killed, more often than `make test` does: make crash RUNS=200 SEED=7
RUNS ?= 200
SEED ?= 1
crash: install
	CRASH_RUNS=$(RUNS) CRASH_SEED=$(SEED) $(BIN)/pytest tests/system/test_crash_matrix.py -s

bench: install
	@$(BIN)/python -m loadtest.bench $(ARGS); holds=$$?; $(BIN)/python -m loadtest.postgres && exit $$holds

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Pins the newest versions that fit pyproject.toml, with hashes and without the address of any index.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade
lock: install
	$(LOCK) pyproject.toml --extra pages --output-file requirements/runtime.txt
	$(LOCK) --group build --constraint requirements/runtime.txt --output-file requirements/build.txt
	$(LOCK) --group loadtest --constraint requirements/runtime.txt --output-file requirements/loadtest.txt
	$(LOCK) pyproject.toml --extra pages --group build --group dev --group loadtest --constraint requirements/runtime.txt --output-file requirements/dev.txt

clean:
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Tasks of a checkout. Needs Python >= 3.11 and make; everything else comes from requirements/ (uv makes it faster).

SHELL := /bin/bash -o pipefail
# Where it is set, each of the many processes of a test run would compile all of our code again.
unexport PYTHONDONTWRITEBYTECODE
# The first Python that is new enough.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
# In the order of their folders, so that the long system tests are not the last.
PYTEST_ARGS ?= -n 5 --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/pip install --disable-pip-version-check --no-input --progress-bar off
# Installs pinned packages, and prints one line per package. uv does not read pip's settings, so pip goes on where uv fails.
INSTALL := if command -v uv > /dev/null && uv pip install --python $(BIN)/python --require-hashes -r FILE; then :; \
	else $(PIP) --no-deps --require-hashes -r FILE | sed -un 's/^Collecting \([^ ]*\).*/  \1/p'; fi

.PHONY: install client-tools dev check advisories test pytest failover test-cluster clients generated-clients kit sdk test-unit test-timing soak line audit crash bench storm hoarders format lock clean

install: .venv/developing

.venv/running: requirements/runtime.txt requirements/build.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "onsale needs Python 3.11 or newer: install it, or run make PYTHON=/path/to/python" >&2; exit 1; }
	@echo "Installing the $$(cat requirements/runtime.txt requirements/build.txt | grep -c ==) packages that running needs:"
	@$(PYTHON) -m venv --clear .venv
	@$(subst FILE,requirements/build.txt,$(INSTALL))
	@$(subst FILE,requirements/runtime.txt,$(INSTALL))
	@$(PIP) --quiet --no-build-isolation --no-deps --editable .
	@touch $@

.venv/developing: .venv/running requirements/dev.txt
	@echo "Installing the packages that development needs:"
	@$(subst FILE,requirements/dev.txt,$(INSTALL))
	@touch $@

# Pass options on: make dev ARGS="--port 9000 --data-dir /var/lib/onsale"
dev: .venv/running
	@$(BIN)/onsale dev $(ARGS)

# Format, lint, types, import contracts.
check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# All but the tests that judge by time. RERUNS=1 gives a failed test a second try, and reports it.
RERUNS ?=
test: install
	@$(MAKE) --no-print-directory --jobs=2 pytest check advisories

pytest: install
	$(BIN)/pytest $(PYTEST_ARGS) $(if $(RERUNS),--reruns $(RERUNS)) -m "not alone"

# As `make audit`, where the advisory service can be reached.
advisories: install
	@$(BIN)/python -m tests.audit_packages --where-possible

# Clients that are generated from the OpenAPI document, and the kit for front-end teams. Needs npm.
clients: install
	@$(MAKE) --no-print-directory --jobs=2 generated-clients kit

client-tools: tests/clients/.venv/ready tests/clients/node_modules/.package-lock.json sdk/typescript/node_modules/.package-lock.json

generated-clients: install tests/clients/.venv/ready tests/clients/node_modules/.package-lock.json
	@tests/clients/check

kit: install sdk/typescript/node_modules/.package-lock.json
	@sdk/check

# Writes the generated files of the kit: types, operations, examples, the collection.
sdk: install sdk/typescript/node_modules/.package-lock.json
	@sdk/write

tests/clients/.venv/ready: requirements/clients.txt
	@$(PYTHON) -m venv --clear tests/clients/.venv
	@$(subst $(BIN),tests/clients/.venv/bin,$(subst FILE,requirements/clients.txt,$(INSTALL)))
	@touch $@

tests/clients/node_modules/.package-lock.json: tests/clients/package-lock.json
	@cd tests/clients && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

sdk/typescript/node_modules/.package-lock.json: sdk/typescript/package-lock.json
	@cd sdk/typescript && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# Failures of a cluster's nodes, each 20 times: make failover TIMES=20 SEED=7
TIMES ?= 20
failover: install
	SOAK=1 FAILOVER_TIMES=$(TIMES) FAILOVER_SEED=$(SEED) $(BIN)/pytest -s tests/integration/api/test_cluster_failover.py tests/integration/api/test_sentinel_failover.py

# The contract tests of the API on a cluster of three primaries.
test-cluster: install
	TEST_SHARDS=3 $(BIN)/pytest tests/integration/api -m "not alone" $(PYTEST_ARGS)

test-unit: install
	$(BIN)/pytest tests/unit -n 2

# The tests that judge by time, one after the other, on a machine that does nothing else.
TIMING_ARGS ?=
test-timing: install
	$(BIN)/pytest -m alone -n 0 $(TIMING_ARGS)

# The long runs: more examples, more crashes, longer outages.
soak: install
	SOAK=1 $(BIN)/pytest $(PYTEST_ARGS)

# A thousand who wait for a minute in which places return, and processes die: it tells its figures.
line: install
	SOAK=1 $(BIN)/pytest -s tests/system/test_waiting_list_killed.py

# Known vulnerabilities of the pinned packages; fails if the advisory service is unreachable.
audit: install
	@$(BIN)/python -m tests.audit_packages

# Kills each process at every step of a sale, more often than `make test` does: make crash RUNS=200 SEED=7
RUNS ?= 200
SEED ?= 1
crash: install
	SOAK=1 CRASH_RUNS=$(RUNS) CRASH_SEED=$(SEED) CRASH_STEPS="$(STEPS)" $(BIN)/pytest -s tests/system/test_crash_matrix.py tests/system/test_crash_matrix_nodes.py

# Far more arrivals than can be served, on ten thousand connections: make storm ARGS="--variant all --plot storm.svg"
storm: install
	@$(BIN)/python -m loadtest.storm $(ARGS)

# Hoarders at the recommended settings, in real time: make hoarders ARGS="--scale 10"
hoarders: install
	@$(BIN)/python -m loadtest.hoarders $(ARGS)

bench: install
	@$(BIN)/python -m loadtest.bench $(ARGS); holds=$$?; $(BIN)/python -m loadtest.postgres && exit $$holds

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Pins the newest versions that fit pyproject.toml, with hashes and without the address of any index.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade
lock: install
	$(LOCK) pyproject.toml --extra pages --extra embedded --output-file requirements/runtime.txt
	$(LOCK) pyproject.toml --extra pages --constraint requirements/runtime.txt --output-file requirements/server.txt
	$(LOCK) pyproject.toml --extra parquet --extra otel --constraint requirements/runtime.txt --output-file requirements/extras.txt
	$(LOCK) --group build --constraint requirements/runtime.txt --output-file requirements/build.txt
	$(LOCK) --group loadtest --constraint requirements/runtime.txt --output-file requirements/loadtest.txt
	$(LOCK) --group clients --output-file requirements/clients.txt
	$(LOCK) pyproject.toml --extra pages --extra embedded --extra parquet --extra otel --group build --group dev --group loadtest --constraint requirements/runtime.txt --output-file requirements/dev.txt

clean:
	rm -rf .venv tests/clients/.venv tests/clients/node_modules tests/clients/generated sdk/typescript/node_modules sdk/typescript/dist dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

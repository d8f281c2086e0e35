# What a newcomer needs: `make run`, `make demo`, `make test`. Everything happens in .venv and var/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
JOBS ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.PHONY: help run demo test check test-system bench soak packages sign lock rules assets tools clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

run: .venv/server ## everything on this machine, which is on the page within a minute
	@exec $(BIN)/muster up $(ARGS)

demo: .venv/server ## the same with a simulated estate of 2,000 devices, in var/demo
	@exec $(BIN)/muster --data-dir var/demo up --demo --beside "$(BIN)/python -m tests.fleet" $(ARGS)

test: check tools ## the linters, then the tests; about ten minutes
	$(BIN)/python -m pytest -n $(JOBS) -m "not system" $(ARGS)

check: .venv/dev ## format, lint, types for three systems, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy agent server tests
	$(BIN)/mypy --platform win32 agent
	$(BIN)/mypy --platform darwin agent
	$(BIN)/lint-imports --no-cache

test-system: .venv/dev tools ## the slow tests, on a booted Debian; half an hour
	@[ "$$(id -u)" != 0 ] || $(BIN)/python -m tests.system.rootfs
	$(BIN)/python -m pytest -m system $(ARGS)

bench: .venv/dev ## figures of this machine: reports a second, the agent's weight, folding, judging
	@./.ci/tools bench
	@for bench in tests/bench/bench_*.py; do echo "== $$bench"; $(BIN)/python -m tests.bench.$$(basename $$bench .py) || exit 1; done

soak: .venv/dev tools ## property and fault tests with new seeds, and fuzzed parsers, for MINUTES (60)
	@$(BIN)/python -m tests.bench.soak --minutes $(or $(MINUTES),60)

packages: .venv/dev ## wheel, source archive and the packages of the agent in dist/
	@rm -rf dist && $(BIN)/hatchling build -d dist
	@for kind in agent/packaging/*/build.py; do $(BIN)/python $$kind --out dist || exit 1; done
	@ls -l dist

sign: .venv/dev ## the Windows package, signed inside and out: KEY=, CERTIFICATE= (PEM), and TIMESTAMP= an address
	@$(BIN)/python agent/packaging/windows/build.py --out dist --key "$(KEY)" --certificate "$(CERTIFICATE)" \
	  $(if $(TIMESTAMP),--timestamp "$(TIMESTAMP)")

lock: .venv/dev ## write requirements/*.txt anew from *.in
	cd requirements && for name in agent server dev; do \
	  ../$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --no-header \
	    --python-version 3.11 $$name.in -o $$name.txt || exit 1; done

rules: .venv/dev ## write rules.json and openapi.json anew from the code
	$(BIN)/python -m muster_server.health.rules_json
	$(BIN)/python -m muster_server.openapi

assets: ## build the style sheet anew; needs npm
	cd server/assets && npm ci --silent && npm run --silent build

tools: ## what the tests need from Debian, installed when you are root
	@./.ci/tools

clean: ## remove everything that was made, data of `make run` and `make demo` included
	rm -rf .venv var dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@./.ci/tools venv
	@echo "Making .venv with $$($(PYTHON) --version)."
	@$(PYTHON) -m venv .venv

.venv/server: .venv/bin/python requirements/server.txt pyproject.toml
	@echo "Installing the locked requirements of the server (once; about a minute)."
	@./.ci/install requirements/server.txt
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/server requirements/dev.txt
	@echo "Installing what tests and linters need (once; about a minute)."
	@./.ci/install requirements/dev.txt
	@touch $@

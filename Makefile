# Every target makes or updates .venv first, from the lock files; nothing is installed outside this folder
# (except by `make test` as root on Debian: the servers and the browser, where they are missing).

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
PYTHON_HERE := .venv/bin/python

.PHONY: help run test test-faults bench lint servers documents lock clean environment development

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: environment  ## Run Samklang here with the county's data, until Ctrl-C (PORT=8000, ARGS=...)
	@exec $(PYTHON_HERE) -m services run $(ARGS)

test: servers-installed development  ## Run all tests on private servers (ARGS="tests/billing -x")
	@exec $(PYTHON_HERE) -m tests.servers run --no-fsync -- $(PYTHON_HERE) -m pytest $(ARGS)

test-faults: servers-installed development  ## Run all fault tests, the long ones too: most of an hour (ARGS="-k broker")
	@exec $(PYTHON_HERE) -m tests.servers run -- $(PYTHON_HERE) -m pytest tests/faults -m "long or not long" --timeout 900 $(ARGS)

bench: servers-installed development  ## Measure here: a line of JSON a benchmark (ARGS=facts)
	@exec $(PYTHON_HERE) -m tests.servers run -- $(PYTHON_HERE) -m tests.bench $(ARGS)

lint: development  ## Check style, types, imports, generated documents and lock files
	@sh deploy/dev/lint.sh

servers: servers-installed development  ## Run private PostgreSQL and RabbitMQ until Ctrl-C, and say their addresses
	@exec $(PYTHON_HERE) -m tests.servers up

documents: environment  ## Write docs/api anew: OpenAPI, AsyncAPI and the list of queues
	@$(PYTHON_HERE) -m services documents

lock: development  ## Write the lock files anew after a change in pyproject.toml (ARGS=--upgrade)
	@PATH="$$PWD/.venv/bin:$$PATH" $(PYTHON_HERE) deploy/dev/locks.py make $(ARGS)

clean:  ## Remove the environment and what tools left; the data in var/ stays
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache test-artifacts
	@find services tests deploy -name __pycache__ -type d -prune -exec rm -rf {} +

environment:
	@sh deploy/dev/environment.sh run

development:
	@sh deploy/dev/environment.sh dev

.PHONY: servers-installed
servers-installed:
	@sh tests/servers/install.sh

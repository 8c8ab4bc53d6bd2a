# Targets that need .venv/ first bring it up to date with requirements.lock and pyproject.toml; nothing else is set up by hand.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Recorded nights, walks and command lines to judge against; not part of the project, so every user of it does without.
CORPUS ?= ../shared
PREFIX ?= /opt/netwatch
LINK ?= /usr/local/bin
PIP_COMPILE := $(BIN)/pip-compile --quiet --extra dev --all-build-deps --allow-unsafe --strip-extras --generate-hashes \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

define find_python
for python in python3 python3.14 python3.13 python3.12 python3.11 none; do
  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi
done
if [ $$python = none ]; then
  echo "make: NetWatch needs Python 3.11 or newer in PATH (Debian 12: apt-get install python3)" >&2; exit 1
fi
if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then
  echo "make: $$python cannot make a virtual environment (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1
fi
endef

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help venv demo test lint format lab score oracle bench install lock clean FORCE

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(STAMP)  ## build .venv/ (all other targets do it by themselves)

demo: $(STAMP)  ## one minute of a simulated metro with faults, the board in a browser
	$(BIN)/netwatch demo --for 60

test: $(STAMP)  ## every test that needs no lab; ARGS='-k trap' narrows, ARGS='-n 0' is one at a time
	$(BIN)/pytest -m 'not lab' -n auto --dist loadfile $(ARGS)

lint: $(STAMP)  ## ruff, mypy and the import contracts
	@failed=0
	for check in 'ruff check' 'ruff format --check' mypy lint-imports; do
	  echo "$$check"
	  $(BIN)/$$check || failed=1
	done
	exit $$failed

format: $(STAMP)  ## let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lab: $(STAMP)  ## real routers in network namespaces (root; packages: tests/lab/packages.txt)
	@if [ "$$(id -u)" != 0 ]; then echo "make lab: network namespaces need root" >&2; exit 1; fi
	missing=$$(dpkg-query -W -f '$${Package} $${db:Status-Status}\n' $$(cat tests/lab/packages.txt) 2>&1 | grep -v ' installed$$' || true)
	if [ -n "$$missing" ]; then echo "make lab: apt-get install $$(tr '\n' ' ' < tests/lab/packages.txt)" >&2; exit 1; fi
	$(BIN)/pytest -m lab $(ARGS)

score: $(STAMP)  ## recorded nights with a known truth: what was found, what was not
	$(BIN)/python bench/score.py $(CORPUS) $(ARGS)

oracle: $(STAMP)  ## recordings of real devices: does `netwatch probe` read what is there?
	@if [ ! -f $(CORPUS)/recordings/oracle.py ]; then echo "make oracle: SKIPPED, no recordings in $(CORPUS)"; exit 0; fi
	$(BIN)/python $(CORPUS)/recordings/oracle.py $(CORPUS)/recordings --netwatch $(BIN)/netwatch --jobs 2 $(ARGS)

bench: $(STAMP)  ## every figure of bench/README.md, measured again
	$(BIN)/python bench/run.py $(ARGS)

install:  ## put NetWatch into PREFIX=/opt/netwatch and link its command to LINK=/usr/local/bin (root)
	@$(find_python)
	[ -x '$(PREFIX)/bin/pip' ] || $$python -m venv '$(PREFIX)'
	'$(PREFIX)/bin/pip' install --quiet --require-hashes --requirement requirements.lock
	'$(PREFIX)/bin/pip' install --quiet --no-build-isolation --no-deps --force-reinstall .
	ln -sf '$(PREFIX)/bin/netwatch' '$(LINK)/netwatch'
	echo "$$('$(LINK)/netwatch' --version) is at $(LINK)/netwatch; next: netwatch ledger template, netwatch install-service"

lock: $(STAMP)  ## write requirements.lock anew from pyproject.toml; ARGS=--upgrade takes newer versions
	CUSTOM_COMPILE_COMMAND='make lock' $(PIP_COMPILE) --output-file requirements.lock $(ARGS) pyproject.toml
	if grep -nE '://|^--' requirements.lock; then echo "make lock: the lock names a place to download from" >&2; exit 1; fi

clean:  ## remove caches and what was built (.venv/ stays)
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf

# A virtual environment knows its own path: one that was moved or copied would run the code of the old place.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
$(STAMP): FORCE
endif

$(STAMP): requirements.lock pyproject.toml
	@if ! $(BIN)/pip --version 2>/dev/null | grep -qF ' $(CURDIR)/$(VENV)/'; then
	  $(find_python)
	  echo "building $(VENV)/ with $$($$python --version)"
	  rm -rf $(VENV)
	  $$python -m venv $(VENV)
	fi
	$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --no-build-isolation --no-deps --editable .
	echo '$(CURDIR)' > $@

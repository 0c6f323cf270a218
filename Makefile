# SPDX-License-Identifier: GPL-3.0-or-later
#
# make site    Docker, four Redis instances in the four network modes on this machine, proven and shown
# make facts   the Docker networks of every host of the inventory, read only
# make verify  prove once more that every Redis has the network that was asked for
# make teardown  remove what `make site` made
# make check   lint, types and unit tests, in a minute or two
# make test    what proves this collection, in half an hour
# make thorough  kills, restarts and load on three engines, for which that is too short
# make lab     three hosts with ssh and a Docker Engine each, of three generations, on this machine: build/lab/hosts.yml
# make lab-down  remove every trace of them
# make bench   what facts and a run without changes cost, on one host and on a fleet, and how long clients wait
# make docs    the documentation of modules, roles and filters as a site, in build/docs
# make changelog  CHANGELOG.md from changelogs/fragments
# make build   the collection's archive, in build/
# make clean   remove .venv and build
#
# ARGS goes to ansible-playbook (make site ARGS='--check --diff'), TESTS to pytest (make integration TESTS=tests/integration/test_site.py).

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The interpreter: PYTHON if it is given, else the first of these that runs and is supported.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo "$$p" && break; done)
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
TESTS ?=
VERSION := $(shell sed -n 's/^version: *//p' galaxy.yml)
ARCHIVE := build/netmode-docker-$(VERSION).tar.gz
# What is shipped; the directories too, so that a file that was removed is noticed, but docs, which is a target.
SOURCES := galaxy.yml $(wildcard README.md CHANGELOG.md requirements.txt docs/*) \
	$(shell find meta playbooks plugins roles -name '__pycache__' -prune -o -print)
# Compiled files would change the directories' times and with them what is thought to be out of date.
export PYTHONDONTWRITEBYTECODE := 1

say = @printf '\033[1m==> %s\033[0m\n' "$(1)"

.PHONY: help site facts verify teardown check test thorough lab lab-down bench build clean docs changelog
.PHONY: ruff mypy yamllint unit browser sanity ansible-lint docs-lint import-check integration

help:
	@sed -n '3,18s/^# \{0,1\}//p' Makefile

# --- using the collection ---------------------------------------------------------------------------------------

site facts verify teardown: $(VENV)/collection
	$(call say,playbooks/$@.yml)
	@$(BIN)/ansible-playbook playbooks/$@.yml $(ARGS)

$(VENV)/bin/python:
	@test -n '$(PYTHON)' || command -v apt-get >/dev/null \
		|| { echo 'Python 3.11 to 3.13 is needed: make PYTHON=/path/to/python3' >&2; exit 1; }
	@'$(or $(PYTHON),python3)' -c 'import ensurepip, venv' 2>/dev/null || { \
		echo '==> installing python3-venv'; \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null; }
	$(call say,making the virtual environment $(VENV))
	@'$(or $(PYTHON),python3)' -m venv $(VENV)

$(VENV)/controller: requirements.txt | $(VENV)/bin/python
	$(call say,installing ansible-core and jmespath into $(VENV) (a quarter of a minute; once))
	@$(BIN)/pip install -qq --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/collection: $(VENV)/controller $(SOURCES)
	$(call say,installing the collection netmode.docker from this checkout into $(VENV))
	@said=$$($(BIN)/ansible-galaxy collection install --force --offline . 2>&1 \
		-p "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')") || { echo "$$said" >&2; exit 1; }
	@touch $@

build: $(ARCHIVE)

$(ARCHIVE): $(VENV)/controller $(SOURCES)
	$(call say,building the archive)
	@$(BIN)/ansible-galaxy collection build --force --output-path build

clean:
	rm -rf $(VENV) build .ansible .ruff_cache .mypy_cache .pytest_cache

# --- proving it -------------------------------------------------------------------------------------------------

check: ruff yamllint mypy unit

test: $(VENV)/gates
	@$(MAKE) -j2 --output-sync=target check sanity ansible-lint docs docs-lint import-check browser
	@$(MAKE) integration

$(VENV)/gates: tests/requirements.txt $(VENV)/controller
	$(call say,installing the tools of the gates into $(VENV) (half a minute; once))
	@$(BIN)/pip install -qq --disable-pip-version-check -c requirements.txt -r tests/requirements.txt
	@touch $@

# The checkout as Python and Ansible want to see it: build/ansible_collections/netmode/docker.
TREE := build/ansible_collections/netmode/docker
TREE_PARTS := galaxy.yml README.md CHANGELOG.md docs meta playbooks plugins roles tests
$(TREE): Makefile
	@mkdir -p $@
	@for part in $(TREE_PARTS); do ln -sfn ../../../../$$part $@/$$part; done
	@touch $@

ruff: $(VENV)/gates
	$(call say,ruff)
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet --diff

yamllint: $(VENV)/gates
	$(call say,yamllint)
	@$(BIN)/yamllint --strict .

mypy: $(VENV)/gates $(TREE)
	$(call say,mypy)
	@$(BIN)/mypy --no-error-summary $(TREE)/plugins

unit: $(VENV)/gates
	$(call say,unit tests)
	@$(BIN)/pytest -q tests/unit

browser: $(VENV)/gates
	$(call say,the page of topology.yml in chromium)
	@tests/browser/run

sanity: $(VENV)/gates
	$(call say,ansible-test sanity (a minute and a half the first time))
	@tests/sanity/run

ansible-lint: $(VENV)/gates $(TREE)
	$(call say,ansible-lint)
	@PATH="$$PWD/$(BIN):$$PATH" ANSIBLE_COLLECTIONS_PATH="$$PWD/build" $(BIN)/ansible-lint --offline --strict

docs-lint: $(VENV)/gates
	$(call say,antsibull-docs)
	@PATH="$$PWD/$(BIN):$$PATH" $(BIN)/antsibull-docs lint-collection-docs --plugin-docs .
	@mkdir -p build
	@$(BIN)/antsibull-changelog lint
	@$(BIN)/antsibull-changelog generate --output build/CHANGELOG.md --output-format md
	@cmp build/CHANGELOG.md CHANGELOG.md || { echo 'CHANGELOG.md is made of changelogs/fragments: make changelog' >&2; exit 1; }

changelog: $(VENV)/gates
	@$(BIN)/antsibull-changelog release --version $(VERSION) --update-existing

SITE := build/docs
docs: $(VENV)/gates $(TREE)
	$(call say,building the site $(SITE))
	@rm -rf $(SITE)
	@mkdir -p -m 755 $(SITE)/rst
	@PATH="$$PWD/$(BIN):$$PATH" ANSIBLE_COLLECTIONS_PATH="$$PWD/build" $(BIN)/antsibull-docs collection --use-current \
		--squash-hierarchy --fail-on-error --dest-dir $(SITE)/rst netmode.docker >/dev/null
	@$(BIN)/sphinx-build -q -C -D extensions=sphinx_antsibull_ext -D project=netmode.docker -D html_theme=alabaster \
		-D pygments_style=ansible -D default_role=any -D suppress_warnings=ref.ref -b html $(SITE)/rst $(SITE)/html
	@echo $(SITE)/html/index.html

# What Ansible Galaxy does with an archive that is uploaded, in an environment of its own: its pins are older than ours.
IMPORTER := build/galaxy-importer
$(IMPORTER)/ready: tests/requirements-importer.txt | $(VENV)/bin/python
	$(call say,installing galaxy-importer into $(IMPORTER) (half a minute; once))
	@$(BIN)/python -m venv $(IMPORTER)
	@$(IMPORTER)/bin/pip install -qq --disable-pip-version-check -r $<
	@touch $@

import-check: $(ARCHIVE) $(IMPORTER)/ready
	$(call say,galaxy-importer)
	@cd build && PATH="$$PWD/galaxy-importer/bin:$$PATH" GALAXY_IMPORTER_CONFIG=../tests/galaxy-importer.cfg \
		galaxy-importer/bin/python -m galaxy_importer.main $(notdir $(ARCHIVE))

integration: $(VENV)/gates
	$(call say,integration tests in throwaway machines)
	@$(if $(TESTS),tests/integration/run $(TESTS),tests/integration/all)

thorough: $(VENV)/gates
	$(call say,kills and restarts and load on three engines)
	@tests/lab/lab within bash -c \
		"NETMODE_SPREAD=0/1 tests/lab/lab engines -m 'engines and (thorough or spread)' && tests/lab/lab test -q -m thorough"
	@tests/integration/run -q -m "thorough and not engines"

lab: $(VENV)/collection
	$(call say,three hosts with Docker 20.10 26 and 28 (half a minute; the first time five minutes))
	@tests/lab/lab up
	@echo 'ansible-playbook -i build/lab/hosts.yml -i tests/lab/fleet playbooks/site.yml'

lab-down:
	@tests/lab/lab down

bench: $(VENV)/gates
	@status=0; tests/bench/run || status=1; tests/bench/fleet || status=1; \
		$(BIN)/python -B tests/bench/controller.py || status=1; exit $$status

# Needs git, make, and any Node from 18 on with its npm; "npm ci" brings the Node that everything runs on.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# Node 24 out of node_modules first, then the machine's own.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

STAMP := node_modules/.stamp

VERSION := $(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' package.json)
IMAGE ?= localhost/nemesis:$(VERSION)
EXAMPLE_IMAGE ?= localhost/nemesis-example:$(VERSION)
OVERLAY ?= default

NEEDS_CLUSTER = if [ -z "$$KUBECONFIG" ]; then echo 'These tests need KUBECONFIG: the path of a kubeconfig whose cluster may be used for tests.' >&2; exit 1; fi

export MUTATE

.PHONY: help demo test test-unit coverage mutate e2e e2e-full bench bench-proxy bench-wake bench-sidecar bench-controller bench-history build images install uninstall lint format clean

help: ## Lists the targets.
	@echo 'Usage: make TARGET   (each installs by itself what it needs)'
	@echo
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-16s %s\n", $$1, $$2 }'

demo: $(STAMP) ## A narrated tour on a cluster inside one process; then it stays up. ONCE=1 ends after the tour.
	@exec node demo/main.ts

test: $(STAMP) ## Lint, types and all tests; the last line is "N passed, N failed, N skipped".
	@npm run --silent test

test-unit: $(STAMP) ## Unit and property tests alone, in less than a minute.
	@npm run --silent test-unit

coverage: $(STAMP) ## What unit, property and integration tests reach, in coverage/; fails below the floor in .c8rc.json.
	@npm run --silent coverage

mutate: $(STAMP) ## Mutation tests of the pure modules, which take long; MUTATE names some of their files, comma between them.
	@npm ci --prefix tests/mutation --ignore-scripts --no-audit --no-fund --silent
	@node tests/mutation/node_modules/@stryker-mutator/core/bin/stryker.js run tests/mutation/stryker.config.mjs

e2e: $(STAMP) ## End-to-end tests on the cluster of $KUBECONFIG, the core of them; docs/guides/testing.md has the variables.
	@$(NEEDS_CLUSTER)
	@npm run --silent e2e

e2e-full: $(STAMP) ## All end-to-end tests on the cluster of $KUBECONFIG.
	@$(NEEDS_CLUSTER)
	@npm run --silent e2e -- --full

bench: bench-proxy bench-wake bench-sidecar bench-history bench-controller ## All benchmarks, with tables, kept in benchmarks/out; RECORD=1 replaces those in benchmarks/results.

bench-proxy: $(STAMP) ## CPU, throughput and latency of the data plane beside other proxies.
	@node benchmarks/bench-proxy.ts

bench-wake: $(STAMP) ## Cold starts in phases.
	@node benchmarks/bench-wake.ts

bench-sidecar: $(STAMP) ## What a sidecar costs in each pod.
	@node benchmarks/bench-sidecar.ts

bench-history: $(STAMP) ## Size and queries of the history at a million rows.
	@node benchmarks/bench-history.ts

bench-controller: $(STAMP) ## What a controller costs with a thousand applications and five thousand sidecars.
	@node benchmarks/bench-controller.ts

build: $(STAMP) ## Compiles the three programs to dist/.
	@npm run --silent build && echo 'Compiled to dist/, bundled to dist/bundle/.'

images: ## Container images, with docker or buildah; IMAGE, EXAMPLE_IMAGE name them, IMAGE_ARCHIVE_DIR keeps archives.
	@scripts/build-images.sh '$(IMAGE)' '$(EXAMPLE_IMAGE)' '$(IMAGE_ARCHIVE_DIR)'

install: ## On the cluster that kubectl points to; OVERLAY=persistent, high-availability, namespaced, cert-manager, without-admission-policy.
	@scripts/install.sh '$(OVERLAY)' '$(IMAGE)'

uninstall: ## Wakes what sleeps, then removes the product; CRDS=1 deletes the Autoscalers and their definition, too.
	@scripts/uninstall.sh '$(OVERLAY)' '$(CRDS)' '$(IMAGE)'

lint: $(STAMP) ## ESLint, formatting, borders between the folders, types.
	@npm run --silent lint && npm run --silent types

format: $(STAMP) ## Formats everything and repairs what ESLint can.
	@npm run --silent format

clean: ## Removes what was built and installed, and the state of the demo.
	@rm -rf node_modules dist coverage benchmarks/out .nemesis

$(STAMP): package.json package-lock.json $(wildcard packages/*/package.json)
	@command -v npm >/dev/null 2>&1 || { \
	  echo 'npm is missing. Install any Node from 18 on together with npm, for instance with "apt-get install nodejs npm" or from https://nodejs.org, then try again.' >&2; exit 1; }
	@echo 'Installing dependencies ...'
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@node scripts/require-node.mjs || { \
	  echo "There is no Node binary on npm for $$(uname -s) on $$(uname -m); install Node 24.12 or newer from https://nodejs.org, then try again." >&2; exit 1; }
	@touch $@

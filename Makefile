# `make help` lists what can be made.
SHELL := /bin/bash
.DEFAULT_GOAL := build

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUILD := CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
RECORD := $(CURDIR)/tmp/databases

.PHONY: help build demo run test test-race test-processes test-interop test-browser test-debian lint check bench fuzz guards deps

help: ## lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

build: ## builds bin/ruche, one static binary
	$(BUILD) -o bin/ruche ./cmd/ruche

demo: build ## starts three linked nodes with people in them, until Ctrl-C
	./bin/ruche demo

run: build ## runs one node from ruche.toml and the environment
	./bin/ruche serve

test: ## runs the tests: SQLite always, PostgreSQL too where RUCHE_TEST_POSTGRES is set
	@$(call tests,)

# With the race detector, which needs gcc; on SQLite, since it is ours what races. The scenarios between nodes would take too long with it.
test-race:
	RUCHE_TEST_POSTGRES= go test -race -timeout 30m ./storage/... ./federation/... ./web/... ./outbox

# Runs the tests, then says which databases they really opened, and the coverage.
define tests
	mkdir -p tmp && rm -f $(RECORD) && \
	RUCHE_TEST_RECORD=$(RECORD) go test -timeout 30m $(1) -coverprofile=tmp/coverage.out -coverpkg=ruche/... ./... && \
	go tool cover -func=tmp/coverage.out | tail -1 && \
	ran=$$(sort -u $(RECORD) | paste -sd ' ') && echo "databases tested: $$ran" && \
	case " $$ran " in *" sqlite "*) ;; *) echo "SQLite was not tested"; exit 1;; esac && \
	if [ -n "$$RUCHE_TEST_POSTGRES" ]; then case " $$ran " in *" postgresql "*) ;; *) echo "PostgreSQL was not tested"; exit 1;; esac; \
	else echo "PostgreSQL: not tested; set RUCHE_TEST_POSTGRES to a server's URL"; fi
endef

test-processes: # runs nodes as real processes over HTTPS: kills, restarts; needs names in /etc/hosts
	go vet -tags processes ./cmd/ruche
	go test -count=1 -timeout 20m -tags processes -run 'TestAPostTravels|TestAKilledSender' ./cmd/ruche

INTEROP := cmd/ruche/node/interop
test-interop: $(INTEROP)/node_modules/.package-lock.json ## runs Ruche against Fedify, which needs npm and names in /etc/hosts
	go vet -tags interop ./$(INTEROP)
	go tool staticcheck -tags interop -checks inherit,-U1000 ./$(INTEROP)
	go test -count=1 -tags interop ./$(INTEROP)

$(INTEROP)/node_modules/.package-lock.json: $(INTEROP)/package-lock.json
	cd $(INTEROP) && npm ci --no-audit --no-fund
	@touch $@

BROWSER := cmd/ruche/node/browser
test-browser: $(BROWSER)/node_modules/.package-lock.json ## runs the pages in headless Chromium, with axe-core from npm
	go vet -tags browser ./$(BROWSER)
	go tool staticcheck -tags browser -checks inherit,-U1000 ./$(BROWSER)
	go test -count=1 -timeout 20m -tags browser ./$(BROWSER)

$(BROWSER)/node_modules/.package-lock.json: $(BROWSER)/package-lock.json
	cd $(BROWSER) && npm ci --no-audit --no-fund
	@touch $@

DEBIAN := cmd/ruche/node/debian
test-debian: ## runs Debian's python3-mastodon and toot against two nodes; needs names in /etc/hosts
	go vet -tags debian ./$(DEBIAN)
	go tool staticcheck -tags debian -checks inherit,-U1000 ./$(DEBIAN)
	go test -count=1 -tags debian ./$(DEBIAN)

lint: ## gofmt, go vet, staticcheck
	@bad=$$(gofmt -l cmd federation inbox outbox storage web); if [ -n "$$bad" ]; then echo "not gofmt-ed: $$bad"; exit 1; fi
	go vet ./...
	go tool staticcheck -checks inherit,-U1000 ./...

check: lint test test-race test-processes test-interop test-browser test-debian ## what .ci/run runs

bench: ## measures, with ratios in one run
	go test -run '^$$' -bench . -benchmem ./...

# As many targets at once as there are processors, with one worker each.
FUZZTIME ?= 10m
fuzz: ## runs each fuzz target for FUZZTIME
	@grep -roE --include=*_test.go '^func Fuzz[A-Za-z0-9]+' . | sed -E 's|/[^/]*:func | |' | \
	xargs -L1 -P$$(nproc) bash -c 'out=$$(go test -run "^$$" -fuzz "^$$1\$$" -fuzztime $(FUZZTIME) -parallel 1 "$$0" 2>&1) \
		&& echo "$$0 $$1: $$(tail -1 <<<"$$out")" || { echo "$$0 $$1: $$out"; exit 255; }'

guards: ## takes each guard out in turn and expects a test to turn red; ONLY=kind or file
	go run ./cmd/guards $(if $(ONLY),-only $(ONLY))

deps: ## prints who imports whom
	@go list -f '{{$$p := .ImportPath}}{{range .Imports}}{{$$p}} -> {{.}}{{"\n"}}{{end}}' ./... | grep -- '-> ruche/' | sort

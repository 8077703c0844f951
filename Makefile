# Two commands do all set-up: `make demo` runs the main job, `make test` proves it.
# Both install what they need, repeatably; `make demo` needs nothing but Go.

GO      ?= go
BIN     := bin/lienthong
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
export CGO_ENABLED := 0

.PHONY: help build demo test quick lint fuzz bench backlog soak setup clean

help: ## show this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

build: ## build bin/lienthong
	$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o $(BIN) ./cmd/lienthong

demo: build ## a signed document travels through a sample province; pass flags with ARGS="--once"
	$(BIN) demo $(ARGS)

test: ## everything CI runs: vet, lint, race tests on real servers, fault tests, short fuzzing
	.ci/test

quick: ## the unit tests only
	$(GO) test ./...

lint: ## gofmt, vet, golangci-lint, module hygiene
	.ci/lint

fuzz: ## every fuzz target; all share FUZZ_TOTAL seconds (default 120), or take FUZZTIME each
	.ci/fuzz

bench: build ## load over HTTP on the hub and its floor, in under 15 minutes; BENCH_FULL=1 holds for longer
	.ci/bench

soak: build backlog ## the fault tests at full length: 1000 kills, 300 crash images, 200 histories (hours)
	LIENTHONG_KILLS=1000 LIENTHONG_CRASH_IMAGES=300 LIENTHONG_HISTORIES=200 LIENTHONG_SYSCALLS=10 TIMEOUT=24h VERBOSE=1 .ci/faults

backlog: ## 1,000,000 deliveries waiting in one box and 10,000,000 in 12,000, beside an empty hub (an hour, 60 GB)
	LIENTHONG_BACKLOG=full $(GO) test -run '^$$' -bench . -benchtime 1x -timeout 3h ./cmd/lienthong/internal/backlogtest

setup: ## install the packages and tools that the tests need
	.ci/setup

clean: ## remove what was built here
	rm -rf bin

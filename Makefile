# hikae: everything a person or CI does with the source. `make help` lists it.

GO       ?= go
VERSION  := $(shell sed -n 's/^## \[\([0-9][^]]*\)\].*/\1/p' CHANGELOG.md | head -1)
SOURCES  := $(shell find cmd engine hosts modules states -name '*.go' -not -name '*_test.go') go.mod go.sum
# The build id tells two builds apart: controller and agent must be of one.
BUILD    := $(shell cat $(SOURCES) | sha256sum | cut -c1-16)
LDFLAGS  := -s -w -X main.version=$(VERSION) -X main.buildID=$(BUILD)
LINT     := v2.15.0
LINTER   := bin/tools/golangci-lint-$(LINT)

export CGO_ENABLED = 0

.PHONY: help build test test-unit test-lab soak fuzz lint demo bench docs cross clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

build: bin/hikae ## bin/hikae, one static binary

bin/hikae: $(SOURCES) CHANGELOG.md
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/hikae

cross: ## dist/hikae-linux-amd64 and -arm64
	@mkdir -p dist
	for a in amd64 arm64; do GOOS=linux GOARCH=$$a $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o dist/hikae-linux-$$a ./cmd/hikae || exit 1; done

test: build ## everything, the lab's hosts included
	@testdata/test.sh

test-unit: ## what needs no lab
	$(GO) vet ./...
	HIKAE_TEST_DOCS=1 $(GO) test ./...

test-lab: build ## only what needs the lab
	@testdata/test.sh lab

soak: build ## the long tests: 6,000 histories that a watch is held to; on the lab 1,000 kills and power cuts, 200 link cuts, a day of chaos in 10 minutes (HIKAE_KILL_SEED, HIKAE_CUT_SEED, HIKAE_CHAOS_SEED repeat)
	@testdata/test.sh soak

FUZZTIME ?= 30s
fuzz: ## every fuzz target for FUZZTIME (30s), one after the other
	@testdata/fuzz.sh $(FUZZTIME)

lint: $(LINTER) ## golangci-lint with the layers held by depguard
	$(LINTER) run ./...

# Built once, outside of go.mod: the first run takes some minutes.
$(LINTER):
	@mkdir -p bin/tools
	GOBIN=$(CURDIR)/bin/tools $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT)
	@mv bin/tools/golangci-lint $@

demo: build ## the main job, shown on the lab: snapshot, standby, disaster, rebuild
	@testdata/demo.sh

bench: build ## figures, beside what one would use instead
	@testdata/bench.sh

docs: build ## the reference, in docs/, and the manual pages, in dist/man
	HIKAE_UPDATE=1 $(GO) test ./docs ./engine/rules -run 'Reference' -count=1
	@bin/hikae docs dist/man

clean: ## remove what was built here (the lab's files lie elsewhere: testdata/lab/lab help)
	rm -rf bin dist

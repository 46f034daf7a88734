# The one entry. Every target installs what it needs and can be run again at no cost.
#
#   make run      the main job: the MCP server with three gadgets, called by a client, rows printed
#   make test     every test, on the real kernel, with a real registry and real clients (root)
#   make bench    the figures of the documents, beside the peers' on the same load (root)
#   make lint     rustfmt, clippy, licences and bans
#   make build    target/release/gadgetry, with the built-in gadgets inside
#   make image    the files of the container image, for deploy/Containerfile
#   make docs     the generated parts of the documents
#   make train    the classifier of ai_security anew, from packages
#   make fuzz     every fuzz target for a minute (FUZZ_SECONDS)

SHELL := /bin/bash
export CARGO_TARGET_DIR ?= $(CURDIR)/target
export PATH := $(PATH):$(HOME)/.cargo/bin
BIN := $(CARGO_TARGET_DIR)/release/gadgetry
BUILTINS := $(CARGO_TARGET_DIR)/gadgets/builtins.tar
export GADGETRY_BIN := $(BIN)

FUZZ_SECONDS ?= 60

.PHONY: run test bench lint build gadgets image docs train fuzz setup setup-test setup-bench setup-lint setup-fuzz clean

# Cargo unifies features over what it is asked to build: always the whole workspace, or dependencies compile twice.
WORKSPACE := --release --workspace

run: build
	$(CARGO_TARGET_DIR)/release/demo $(BIN)

# The built-in gadgets are built by the same code that builds a third party's, in a gadgetry that carries none.
gadgets: setup
	env -u GADGETRY_BUILTINS cargo build $(WORKSPACE) --bins --examples
	$(CARGO_TARGET_DIR)/release/examples/bootstrap gadget build $(wildcard gadgets/*) --sdk . --bundle $(BUILTINS)

build: gadgets
	GADGETRY_BUILTINS=$(BUILTINS) cargo build $(WORKSPACE) --bins --examples

test: build setup-test
	GADGETRY_BUILTINS=$(BUILTINS) cargo test $(WORKSPACE) --no-fail-fast

bench: build setup-bench
	$(CARGO_TARGET_DIR)/release/bench

lint: setup-lint
	cargo fmt --all --check
	cargo clippy $(WORKSPACE) --all-targets -- -D warnings
	cargo deny --log-level error check bans licenses sources

image: build
	deploy/image.sh $(BIN) $(CARGO_TARGET_DIR)/image
	@echo "now: docker build -f deploy/Containerfile -t IMAGE $(CARGO_TARGET_DIR)/image   (or: buildah build ...)"

docs: build
	$(BIN) docs --out docs

# The texts are fetched from packages by name and version; the same texts give the same weights.
train: setup-test
	python3 tests/tools/corpus/make.py $(CARGO_TARGET_DIR)/corpus
	cargo run $(WORKSPACE) --bin train -- $(CARGO_TARGET_DIR)/corpus/corpus.jsonl gadgets/ai_security/engine/likeness.bin

# Without cargo-fuzz, whose flags are few: so the stable compiler will do, and one tool less is to be installed.
fuzz: setup-fuzz
	tests/tools/fuzz.sh $(FUZZ_SECONDS)

setup:
	@tests/tools/setup.sh build
setup-test: setup
	@tests/tools/setup.sh test
setup-bench: setup
	@tests/tools/setup.sh bench
setup-lint: setup
	@tests/tools/setup.sh lint
setup-fuzz:
	@tests/tools/setup.sh fuzz

clean:
	cargo clean

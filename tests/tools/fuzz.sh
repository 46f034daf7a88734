#!/usr/bin/env bash
# Runs every fuzz target for some seconds, from a corpus that is kept beside the build output and begins with what
# `make build` made, if it did. Usage: fuzz.sh SECONDS [TARGET...]
set -euo pipefail
seconds=$1
shift
target_dir=${CARGO_TARGET_DIR:?}
corpus=$target_dir/fuzz/corpus
cd "$(dirname "$0")/../fuzz"
[ $# -gt 0 ] || set -- $(basename -s .rs targets/*.rs)

# What libFuzzer needs of the compiler: counters at edges, and the operands of comparisons.
sanitizer=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions --cfg fuzzing)
# With a target named, build scripts and macros are compiled without these flags.
CARGO_TARGET_DIR=$target_dir/fuzz RUSTFLAGS="${sanitizer[*]}" \
    cargo build --release --bins --target "$(uname -m)-unknown-linux-gnu"

for name in "$@"; do mkdir -p "$corpus/$name"; done
seed() { # target pattern: the files as inputs
    [ -d "$corpus/$1" ] || return 0
    for file in $2; do
        if [ -f "$file" ]; then cp "$file" "$corpus/$1/$(sha256sum "$file" | cut -c1-16)"; fi
    done
}
seed elf "$target_dir/gadgets/gadget-cache/*/*.bpf.o"
seed component "$target_dir/gadgets/gadget-cache/*/gadget.wasm"
seed descriptor "$target_dir/gadgets/gadget-cache/*/described.json"
seed functions "/bin/true"
seed policy "../../docs/policy.example.toml"

for name in "$@"; do
    echo "fuzzing: $name, $seconds s"
    "$target_dir/fuzz/$(uname -m)-unknown-linux-gnu/release/$name" -max_total_time="$seconds" \
        -rss_limit_mb=2048 -timeout=10 -max_len=1048576 -print_final_stats=0 -verbosity=0 -artifact_prefix="$target_dir/fuzz/" "$corpus/$name"
done
echo "$# targets, $seconds s each: nothing found"

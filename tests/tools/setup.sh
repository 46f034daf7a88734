#!/usr/bin/env bash
# Installs what a target of the Makefile needs on Debian 12, by package name; says what it does, and does nothing
# when all is there. Usage: setup.sh build|test|bench|lint|fuzz
set -euo pipefail

# Debian's own Rust has the two targets of a gadget (bpf, wasm32) precompiled or buildable; it lives beside rustup's.
build_packages=(gcc libc6-dev make cmake pkg-config rustc-web cargo-web libstd-rust-web-dev-bpf rust-web-src lld-22 llvm-22-dev
    libpolly-22-dev zlib1g-dev libzstd-dev libxml2-dev)
test_packages=(bpftool buildah busybox-static clang-22 crun curl docker-registry gnutls-bin golang-go iproute2 libbpf-dev libssl-dev openssl python3-venv
    runc skopeo util-linux)
bench_packages=(bpftrace libbpf-tools)

apt_install() {
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    echo "installing: ${missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

cargo_install() { # crate version arguments...
    local crate=$1 version=$2
    shift 2
    if cargo install --list | grep -q "^$crate v$version"; then return; fi
    echo "installing: $crate $version" >&2
    # A target folder of its own: the workspace's profile and flags are not this crate's.
    CARGO_TARGET_DIR="${XDG_CACHE_HOME:-$HOME/.cache}/gadgetry/tools" \
        cargo install --quiet --locked "$crate" --version "$version" "$@"
}

case "${1:-}" in
build)
    apt_install "${build_packages[@]}"
    LLVM_PREFIX=/usr/lib/llvm-22 cargo_install bpf-linker 0.13.0 --no-default-features --features llvm-22
    ;;
test)
    apt_install "${test_packages[@]}"
    venv="$CARGO_TARGET_DIR/venv"
    if [ ! -e "$venv/ready" ]; then
        echo "installing: the official Python MCP SDK" >&2
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check 'mcp==2.*'
        touch "$venv/ready"
    fi
    # Any kubectl will do; Debian's renders as well as a new one.
    command -v kubectl >/dev/null || apt_install kubernetes-client
    # The protocol's conformance suite and inspector need a newer Node than Debian's; npm brings one as a package.
    command -v npm >/dev/null || apt_install npm
    node="$CARGO_TARGET_DIR/node"
    packages=(node@22.23.3 @modelcontextprotocol/conformance@0.2.0-alpha.12 @modelcontextprotocol/inspector@2.12.0)
    if [ "$(cat "$node/ready" 2>/dev/null)" != "${packages[*]}" ]; then
        echo "installing: ${packages[*]}" >&2
        mkdir -p "$node"
        npm install --silent --prefix "$node" --no-save --no-audit --no-fund "${packages[@]}" >/dev/null
        echo "${packages[*]}" >"$node/ready"
    fi
    tests/tools/cosign.sh "${XDG_CACHE_HOME:-$HOME/.cache}/gadgetry/cosign" >/dev/null
    ;;
bench)
    apt_install "${test_packages[@]}" "${bench_packages[@]}"
    ;;
fuzz)
    apt_install g++
    ;;
lint)
    cargo_install cargo-deny 0.20.2 --no-default-features
    ;;
*)
    echo "usage: $0 build|test|bench|lint|fuzz" >&2
    exit 2
    ;;
esac

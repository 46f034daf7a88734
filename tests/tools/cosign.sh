#!/usr/bin/env bash
# Fetches the two generations of cosign that signatures must work with, as Debian packages them: 2.x, which writes a
# `.sig` tag, and 3.x, which writes a bundle. Debian 12 has neither, so they come from later suites of the mirror that
# this machine's apt already uses; nothing is installed.
# Usage: cosign.sh FOLDER   leaves FOLDER/cosign2 and FOLDER/cosign3, and does nothing when both are there.
set -euo pipefail

folder=${1:?usage: cosign.sh FOLDER}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
exec 9>"$folder/lock"
flock 9

site=
fetch() { # name suite
    local name=$1 suite=$2
    [ -x "$folder/$name" ] && return
    if [ -z "$site" ]; then
        local codename
        codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
        site=$(apt-get indextargets --format '$(CODENAME) $(SITE)' 'Origin: Debian' 'Identifier: Packages' |
            awk -v codename="$codename" '$1 == codename { print $2; exit }')
        [ -n "$site" ] || { echo "$0: apt knows no Debian mirror; run apt-get update first" >&2; exit 1; }
    fi
    echo "fetching: cosign of Debian $suite" >&2
    local work
    work=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/out"
    chmod 755 "$work"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $suite main" >"$work/sources.list"
    local apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root
        -o Acquire::Languages=none)
    "${apt[@]}" update
    (cd "$work/out" && "${apt[@]}" download cosign)
    dpkg -x "$work"/out/cosign_*.deb "$work/tree"
    install -m 755 "$work/tree/usr/bin/cosign" "$folder/$name.new"
    mv "$folder/$name.new" "$folder/$name"
    rm -rf "$work"
}

fetch cosign2 trixie
fetch cosign3 sid

#!/usr/bin/env bash
# Runs a command in a real container, with a bundle made on the spot: for tests that need events from containers.
# Needs root, busybox (static) and the runtime; works on cgroup v1, v2 and hybrid machines.
#
#   container.sh bundle DIR [KEY=VALUE...]       makes DIR/rootfs (busybox) and DIR/base.json, with annotations
#   container.sh run RUNTIME DIR ID COMMAND...   runs COMMAND in container ID by runc or crun, until it ends
#
# `run` makes what `bundle` would when DIR has none, and leaves the first process's id in DIR/bundles/ID/pid. Several
# containers may run from one DIR at once. Environment:
# CONTAINER_CGROUPS=no runs crun without a cgroup of its own; CONTAINER_RUNTIME_ARGS goes before the runtime's `run`.
set -euo pipefail

json() { # a string as JSON
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\n'/\\n}
    text=${text//$'\e'/\\u001b}
    printf '"%s"' "${text//$'\t'/\\t}"
}

bundle() { # dir annotations...
    local dir=$1 annotations="" pair
    shift
    mkdir -p "$dir"/rootfs/{bin,dev,etc,proc,sys,tmp,root}
    cp -u "$(command -v busybox)" "$dir/rootfs/bin/busybox"
    local name
    while read -r name; do
        [ "$name" = busybox ] || ln -sf busybox "$dir/rootfs/bin/$name"
    done < <(busybox --list)
    for pair in "$@"; do
        annotations+="${annotations:+,}$(json "${pair%%=*}"):$(json "${pair#*=}")"
    done
    # No terminal, no seccomp, no resource limits: the kernel a test runs on may offer little.
    cat >"$dir/base.json" <<EOF
{"ociVersion": "1.0.2",
 "annotations": {$annotations},
 "process": {"terminal": false, "user": {"uid": 0, "gid": 0}, "args": @ARGS@, "cwd": "/",
  "env": ["PATH=/bin", "HOME=/root"],
  "capabilities": {"bounding": ["CAP_KILL", "CAP_SETUID", "CAP_SETGID"], "effective": ["CAP_KILL", "CAP_SETUID", "CAP_SETGID"],
   "permitted": ["CAP_KILL", "CAP_SETUID", "CAP_SETGID"]}},
 "root": {"path": "@ROOTFS@", "readonly": false},
 "hostname": "container",
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
  {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]}],
 "linux": {"namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}]}}
EOF
}

run() { # runtime dir id command...
    local runtime=$1 dir id=$3
    mkdir -p "$2"
    dir=$(cd "$2" && pwd)
    shift 3
    [ -e "$dir/base.json" ] || bundle "$dir"
    # A bundle of its own for each container, all on one root file system.
    local own="$dir/bundles/$id" args="" arg base
    mkdir -p "$own"
    for arg in "$@"; do args+="${args:+,}$(json "$arg")"; done
    base=$(<"$dir/base.json")
    base=${base//@ROOTFS@/"$dir/rootfs"}
    base=${base//@ARGS@/"[$args]"}
    printf '%s' "$base" >"$own/config.json"

    local before=() options=()
    if [ "$runtime" = crun ]; then
        if [ "${CONTAINER_CGROUPS:-yes}" = no ]; then options=(--cgroup-manager=disabled); fi
        # crun refuses a machine that has v1 and v2 at once: it is shown v1 only.
        if mountpoint -q /sys/fs/cgroup/unified; then
            before=(unshare --mount sh -c 'umount /sys/fs/cgroup/unified && exec "$@"' sh)
        fi
    fi
    # shellcheck disable=SC2086 # arguments, several in one
    exec "${before[@]}" "$runtime" "${options[@]}" ${CONTAINER_RUNTIME_ARGS:-} \
        run --bundle "$own" --pid-file "$own/pid" "$id"
}

case "${1:-}" in
bundle) shift && bundle "$@" ;;
run) shift && run "$@" ;;
*)
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

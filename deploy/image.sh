#!/usr/bin/env bash
# Puts together what is in the image: image.sh BINARY OUT makes OUT/<arch>/ with the binary, the libraries it needs, and the
# certificates of public authorities, for deploy/Containerfile to copy.
set -euo pipefail
binary=$1 out=$2
case "$(uname -m)" in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
*) echo "image.sh: no image for $(uname -m)" >&2 && exit 1 ;;
esac
root="$out/$arch"
rm -rf "$root"
mkdir -p "$root/etc/ssl/certs"
install -m 0755 "$binary" "$root/gadgetry"
# Each library at the path that the loader looks for it. Names are looked up by libc itself: since 2.34 it has files and dns within.
ldd "$binary" | awk '$2 == "=>" {print $3} $1 ~ /^\// {print $1}' | while read -r library; do
    install -D -m 0755 "$library" "$root$library"
done
authorities=/etc/ssl/certs/ca-certificates.crt
if [ ! -e "$authorities" ]; then
    echo "image.sh: no $authorities: install ca-certificates, or the image trusts no registry" >&2
    exit 1
fi
install -m 0644 "$authorities" "$root$authorities"
printf 'root:x:0:0::/:/gadgetry\ngadgetry:x:65532:65532::/:/gadgetry\n' >"$root/etc/passwd"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
# Where volumes are mounted, as the root is read-only.
mkdir -p "$root"/{proc,sys,dev,run/gadgetry,var/lib/gadgetry,etc/gadgetry}
du -sh "$root" | awk '{print $1 "  " $2}'

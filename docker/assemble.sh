#!/bin/sh
# In the build stage of the Dockerfile: the file system of the image.
#
#     assemble.sh PROGRAM FOLDER
set -eu
program=$1
root=$2

# libmicrohttpd's calls of recv must end in src/http/socket_input.c, or the gate would see nothing. libc's own is weak (W).
[ "$(nm "$program" | awk '$3 == "recv" { print $2 }')" = T ] || { echo "recv is libc's, not ours" >&2; exit 1; }

mkdir -p "$root/etc/ssl/certs" "$root/usr/bin" "$root/usr/share/splits"
strip -o "$root/usr/bin/splits" "$program"
cp -r migrations "$root/usr/share/splits/migrations"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"

# libpq asks for the user's name. Without the last file glibc would ask a name server before /etc/hosts.
echo 'splits:x:10001:10001:Splits:/nonexistent:/nonexistent' >"$root/etc/passwd"
echo 'splits:x:10001:' >"$root/etc/group"
printf '%s\n' 'passwd: files' 'group: files' 'hosts: files dns' >"$root/etc/nsswitch.conf"

python3 docker/sbom.py --map=/splits.map --libraries=/opt/static --root="$root" \
    --version="$("$program" version | sed -nE '1s/^splits ([0-9.]+).*/\1/p')"

find "$root" -type d -exec chmod 755 {} +
find "$root" -type f -exec chmod 644 {} +
chmod 755 "$root/usr/bin/splits"

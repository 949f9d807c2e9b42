#!/bin/sh
# In the build stage of the Dockerfile: the file system of the image.
#
#     SOURCE_DATE_EPOCH=SECONDS assemble.sh PROGRAM FOLDER
set -eu
program=$1
root=$2

python3 tests/lint/binary.py "$program"

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

# The same bytes and attributes each time.
find "$root" -type d -exec chmod 755 {} +
find "$root" -type f -exec chmod 644 {} +
chmod 755 "$root/usr/bin/splits"
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

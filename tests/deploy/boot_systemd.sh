#!/usr/bin/env bash
# Boots the machine's own systemd in a copy of the machine: boot_systemd.sh FOLDER [SOURCE TARGET]…
#
# To be run in namespaces of its own for mounts, processes, IPC, host name and control groups. FOLDER/changes lies over
# the machine's root folder and takes what is written; FOLDER/run is the copy's /run, with its units in
# run/systemd/system; /run/shared in it is FOLDER/shared. SOURCE, a folder of the machine, is TARGET in the copy.
# None of the machine's units is started.
set -euo pipefail

FOLDER=$1
shift
ROOT=$FOLDER/root

mount --make-rprivate /
mkdir -p "$FOLDER"/{root,changes,work,run,shared}
mount -t overlay overlay -o "lowerdir=/,upperdir=$FOLDER/changes,workdir=$FOLDER/work" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount -t sysfs -o ro sysfs "$ROOT/sys"
mount -t cgroup2 cgroup2 "$ROOT/sys/fs/cgroup"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
mount --bind "$FOLDER/run" "$ROOT/run"
mkdir -p "$ROOT/run/shared"
mount --bind "$FOLDER/shared" "$ROOT/run/shared"

while [[ $# -gt 0 ]]; do
    mkdir -p "$ROOT$2"
    mount --bind "$1" "$ROOT$2"
    shift 2
done

mount -t tmpfs -o mode=755 tmpfs "$ROOT/dev"
for device in full null random tty urandom zero; do
    touch "$ROOT/dev/$device"
    mount --bind "/dev/$device" "$ROOT/dev/$device"
done
mkdir "$ROOT/dev/shm" "$ROOT/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$ROOT/dev/pts"
ln -s pts/ptmx "$ROOT/dev/ptmx"
ln -s /proc/self/fd "$ROOT/dev/fd"
touch "$FOLDER/console" "$ROOT/dev/console"
mount --bind "$FOLDER/console" "$ROOT/dev/console"

mkdir "$ROOT/run/machine"
cd "$ROOT"
pivot_root . run/machine
# Shared, as systemd has it on a machine: that is how what it mounts for a unit, such as credentials, gets there.
exec chroot . /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 container=splits \
    SYSTEMD_UNIT_PATH=/run/systemd/system:/usr/local/lib/systemd/system SYSTEMD_LOG_TARGET=console \
    sh -c 'umount -l /run/machine && mount --make-rshared / && exec /lib/systemd/systemd --system --unit=basic.target' </dev/null

#!/bin/sh
# Boots this machine's own system in a container that writes nothing here; in a mount namespace of
# its own (unshare -m). Arguments: an empty folder, then further options of systemd-nspawn.
set -eu
folder=$1
shift
mount --make-rprivate /
mount -t tmpfs tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay \
    -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
# systemd takes only one kind of control groups, and that one it needs whole.
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
    for below in /sys/fs/cgroup/*; do umount "$below" 2>/dev/null || true; done
    umount /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
exec systemd-nspawn --directory="$folder/root" --boot --quiet --register=no --keep-unit \
    --private-network --console=pipe "$@" systemd.unit=basic.target

#!/bin/sh
# Installs steadyhum from the folder this file is in, as root: cloud-init runs it on a Raspberry Pi's first
# boot; on a Jetson, or any Debian, run  sudo sh install.sh  once. It removes the key from this folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
etc=/etc/edge-runtime
log="$here/install.log"

say() { echo "steadyhum: $*" | tee -a "$log" >&2; }
fail() {
    say "$1. $2"
    exit "$3"
}

# The key is on the device by then, and anyone who finds the card can read this partition.
erase_key() {
    shred -n 1 "$here/device.key" 2>/dev/null || true
    rm -f "$here/device.key"
    sync
}

[ "$(id -u)" = 0 ] || { echo "steadyhum: please run  sudo sh $0" >&2; exit 77; }
touch "$log" 2>/dev/null ||
    { echo "steadyhum: $here is read-only. Copy the folder to the board, and run install.sh there" >&2; exit 77; }
# The mark says what was installed: a folder copied over an older one is installed again.
stamp=$(sha256sum "$here/SHA256SUMS" 2>/dev/null | cut -c 1-64)
if [ -f "$here/installed" ] && [ "$(cat "$here/installed")" = "$stamp" ]; then
    erase_key
    say "already installed from here; see  edge-runtime doctor"
    exit 0
fi

(cd "$here" && sha256sum --quiet -c SHA256SUMS >>"$log" 2>&1) ||
    fail "a file on this card is damaged, see $log" "Write the card again" 65

# The card may hold packages for several releases: the newest for this system's Python is wanted.
arch=$(dpkg --print-architecture)
python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])') || python=none
package=""
version=""
for file in "$here"/*_"$arch".deb; do
    [ -f "$file" ] || continue
    case $(dpkg-deb -f "$file" Depends) in *"python3 (>= $python~)"*) ;; *) continue ;; esac
    found=$(dpkg-deb -f "$file" Version)
    if dpkg --compare-versions "$found" gt "$version"; then package=$file version=$found; fi
done
[ -n "$package" ] ||
    fail "there is no package for $arch with Python $python here" "Use a 64-bit Raspberry Pi OS 12 or 13 or JetPack 7, or build one for this system" 69

say "installing $(basename "$package")"
DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i "$package" >>"$log" 2>&1 ||
    fail "the package could not be installed, see $log" "Run  apt-get -f install  with the network connected" 69

install -d -m 0750 -o root -g edge-runtime "$etc" "$etc/models"
install -m 0640 -o root -g edge-runtime "$here/config.toml" "$here/ca.crt" "$etc"
install -m 0640 -o root -g edge-runtime "$here"/models/* "$etc/models"
install -m 0600 -o edge-runtime -g edge-runtime "$here/device.crt" "$here/device.key" "$etc"
# Enabled before it is known to start: once the cause is removed, the next boot is enough.
[ ! -d /run/systemd/system ] || systemctl enable edge-runtime.service >>"$log" 2>&1 ||
    say "the service does not start at boot, see $log. Run  systemctl enable edge-runtime"
sync
echo "$stamp" >"$here/installed"
sync
erase_key
say "the key has been removed from the card"

# What the device had learnt before its card died. One that cannot be taken up must not keep it from watching.
if [ -f "$here/backup/backup.json" ]; then
    runuser -u edge-runtime -- edge-runtime restore "$here/backup" --config "$etc/config.toml" >>"$log" 2>&1 ||
        say "the backup was not taken up, see $log. Run  edge-runtime restore $here/backup"
fi

runuser -u edge-runtime -- edge-runtime check --config "$etc/config.toml" >>"$log" 2>&1 ||
    fail "installed, but the service would not start, see $log" "Run  edge-runtime doctor" 78
if [ -d /run/systemd/system ]; then
    systemctl restart edge-runtime.service >>"$log" 2>&1 ||
        fail "the service did not start, see $log" "Run  edge-runtime doctor" 69
fi
say "installed; see  edge-runtime doctor"

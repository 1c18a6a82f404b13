#!/bin/sh
# Installs qpc-metrics from this tarball. Usage: ./install.sh [--uninstall] [ROOT]    ROOT is / by default
set -eu
cd "$(dirname "$0")"
uninstall=""
case "${1:-}" in
--uninstall) uninstall=yes; shift ;;
-h | --help) sed -n '2p' "$0" | sed 's/^# //'; exit 0 ;;
-*) echo "install.sh: unknown option '$1' (see --help)" >&2; exit 64 ;;
esac
root="${1:-/}"
[ -d "$root" ] || { echo "install.sh: there is no directory $root" >&2; exit 66; }
root="${root%/}"
find usr -type f | sort | while read -r file; do
    if [ -n "$uninstall" ]; then
        rm -f "$root/$file"
    else
        mode=644
        [ -x "$file" ] && mode=755
        install -D -m "$mode" "$file" "$root/$file"
    fi
done
if [ -n "$uninstall" ]; then
    echo "removed from ${root:-/}; data directories stay as they are"
    exit 0
fi
echo "installed in ${root:-/}. Next:"
echo "  systemd-sysusers && systemd-tmpfiles --create      the user, the group and the data directory"
echo "  systemctl enable --now qpc-metrics.socket          the exporter on 127.0.0.1:10120"
echo "  qpc-metrics demo                                   to see everything without a server"

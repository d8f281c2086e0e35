#!/bin/sh
# Installs the agent on this Mac, or another version over it: identity, token and waiting reports stay.
# usage: sudo sh install.sh [SERVER_URL [ENROLMENT_KEY_FILE]]   (MUSTER_PYTHON names the Python; 3.11 or later)
set -eu
cd "$(dirname "$0")"
home="/Library/Application Support/Muster"
plist=/Library/LaunchDaemons/muster.agent.plist
settings=/etc/muster-agent

[ "$(id -u)" = 0 ] || { echo "Run it as root: sudo sh install.sh" >&2; exit 1; }
python=${MUSTER_PYTHON:-$(command -v python3.13 || command -v python3.12 || command -v python3.11 || command -v python3 || true)}
if [ -z "$python" ] || ! "$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "Python 3.11 or later is needed: install it, or name it with MUSTER_PYTHON." >&2
  exit 1
fi
python=$("$python" -I -c 'import os, sys; print(os.path.realpath(sys.executable))')

launchctl bootout system/muster.agent 2>/dev/null || true
mkdir -p "$home/bin" "$home/Agent" "$settings"
rm -rf "$home/lib"
cp -R "lib-$(uname -m)" "$home/lib"
printf '#!/bin/sh\nexec "%s" -I "%s/lib/start.py" "$@"\n' "$python" "$home" >"$home/bin/muster-agent"
chmod 755 "$home/bin/muster-agent"
chmod 700 "$home/Agent"
if [ ! -e "$settings/config.toml" ]; then
  if [ -n "${1:-}" ]; then printf 'server_url = "%s"\nenrolment_key_file = "%s/enrolment.key"\n' "$1" "$settings"; fi \
    >"$settings/config.toml"
fi
if [ -n "${2:-}" ]; then (umask 077 && cat "$2" >"$settings/enrolment.key") && chmod 600 "$settings/enrolment.key"; fi
chown -R root:wheel "$home" "$settings"
chmod -R go-w "$home/lib" "$home/bin"
cp muster.agent.plist "$plist"
chown root:wheel "$plist"
chmod 644 "$plist"
if grep -q '^server_url' "$settings/config.toml"; then
  launchctl bootstrap system "$plist"
  echo "The agent runs. To see what it sends: sudo \"$home/bin/muster-agent\" show"
else
  echo "Not started: write server_url in $settings/config.toml, then  sudo launchctl bootstrap system $plist"
fi

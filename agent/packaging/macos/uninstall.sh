#!/bin/sh
# Removes the agent from this Mac without a trace: identity, token, waiting reports and settings too.
set -eu
[ "$(id -u)" = 0 ] || { echo "Run it as root: sudo sh uninstall.sh" >&2; exit 1; }
launchctl bootout system/muster.agent 2>/dev/null || true
rm -rf "/Library/Application Support/Muster" /Library/LaunchDaemons/muster.agent.plist /etc/muster-agent \
  /Library/Logs/muster-agent.log
echo "The agent is gone."

#!/usr/bin/env bash
# Installs what the tests' stand-ins need: node and npm (by apt, as root on Debian) where they are missing, the browser of the dashboard's tests, and the packages of package.json.
# Does nothing where all is there. Start the stand-ins with: node tests/stand-ins/stand-ins.mjs dynamodb=4567 s3=4575
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  missing=$(command -v node >/dev/null || echo nodejs)
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing npm
fi

# The browser of the dashboard's tests.
if ! command -v chromium >/dev/null; then
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium || echo "chromium could not be installed"
fi

# npm writes node_modules/.package-lock.json when it is done.
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
  npm ci
  touch node_modules/.package-lock.json
fi

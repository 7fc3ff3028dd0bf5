#!/bin/sh
# Install what the tests hold Motif against beside tests/clients/package.json. Costs nothing where it is there already.
set -eu
cd "$(dirname "$0")/../tests/clients"
if cmp -s package.json node_modules/motif-ready.json; then
    exit 0
fi
if ! command -v npm >/dev/null; then
    echo "npm is missing: the tests against Supabase's own clients say so and are skipped (with CI=true they fail)."
    exit 0
fi
echo "Installing the Supabase CLI, a PostgREST-compatible server and supabase-js for the tests (npm downloads about 136 MB) ..."
npm install --no-package-lock --no-audit --no-fund --loglevel=error >/dev/null
cp package.json node_modules/motif-ready.json

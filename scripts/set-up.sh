#!/bin/sh
# Find a Python that Motif can use and let it make .venv: scripts/set-up.sh [EXTRA ...]; PYTHON=... names one.
set -eu
here=$(dirname "$0")
fits='import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'
describe='
import sys
text = "%d.%d" % sys.version_info[:2]
for name in ("venv", "ensurepip"):
    try:
        __import__(name)
    except ImportError:
        text += ", without " + name
print(text)'
found=""

use_if_it_fits() {
    candidate=$1
    shift
    if "$candidate" -c "$fits" >/dev/null 2>&1; then
        # A virtual environment that happens to be active may be the very one that is made anew: use what it stands on.
        base=$("$candidate" -c 'import sys; print(getattr(sys, "_base_executable", "") or sys.executable)')
        exec "$base" "$here/set_up.py" "$@"
    fi
    found="$found $candidate ($("$candidate" -c "$describe" 2>/dev/null || echo "does not run"));"
}

if [ -n "${PYTHON:-}" ]; then
    use_if_it_fits "$PYTHON" "$@"
else
    for name in python3 python3.13 python3.12 python3.11 python3.14; do
        if command -v "$name" >/dev/null 2>&1; then use_if_it_fits "$name" "$@"; fi
    done
fi
echo "Motif needs Python 3.11 to 3.14 with venv and ensurepip (on Debian and Ubuntu also the package python3-venv)." >&2
echo "Found:${found:- no python3 at all;} install one, or name yours: make demo PYTHON=/path/to/python3" >&2
exit 1

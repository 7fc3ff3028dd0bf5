#!/bin/sh
# Find a Python that Motif can use and let it make .venv: scripts/set-up.sh [EXTRA ...]; PYTHON=... names one.
set -eu
fits='import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'
found=""
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c "$fits" >/dev/null 2>&1; then
        # A virtual environment that happens to be active may be the very one that is made anew: use what it stands on.
        base=$("$candidate" -c 'import sys; print(getattr(sys, "_base_executable", "") or sys.executable)')
        exec "$base" "$(dirname "$0")/set_up.py" "$@"
    fi
    found="$found $candidate ($("$candidate" -c 'import sys
lacks = [name for name in ("venv", "ensurepip") if not __import__("pkgutil").find_loader(name)]
print("%d.%d%s" % (sys.version_info[0], sys.version_info[1], "".join(", without " + name for name in lacks)))' 2>/dev/null || echo "does not run"))"
done
echo "Motif needs Python 3.11 to 3.14 with venv and ensurepip (on Debian and Ubuntu also the package python3-venv)." >&2
echo "Found:${found:- no python3 at all}. Install one, or name yours: make ... PYTHON=/path/to/python3" >&2
exit 1

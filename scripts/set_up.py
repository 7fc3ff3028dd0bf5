"""Make `.venv` hold Motif with the extras named on the command line, from nothing if need be.

Run by set-up.sh, standard library only. Where all is there already it costs some milliseconds; a set-up that was
interrupted starts over, mostly from pip's cache.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
READY = VENV / "motif-ready.json"  # what a finished set-up was made from
UNFINISHED = VENV / "motif-unfinished"
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
LOG = VENV / "motif-set-up.log"
CONSTRAINTS = "requirements/constraints.txt"  # relative: pip splits the variable that names it at spaces

# Megabytes that pip downloads with an empty cache: Python 3.11, Linux x86-64, pip's own figures added up.
SIZES_MB = {"core": 104, "local": 153, "dev": 32, "node": 61}
TORCH_CPU_MB, TORCH_MAC_MB, TORCH_CUDA_MB = 192, 111, 2730
CONTENTS = {
    "core": "Motif's libraries, Postgres among them",
    "local": "the language model and what runs it",
    "dev": "tools for tests and checks",
    "node": "node and npm, which this machine lacks",
}
COMPLAINT = re.compile(r"\s*(ERROR|error|WARNING: Retrying|Could not)\b")
LARGE_DOWNLOAD = re.compile(r"Downloading ([^\s-]+)-\S+ \((\d{2,})\.?\d* MB\)")  # 10 MB and more


def main(extras: set[str]) -> None:
    """Return once `.venv` holds Motif with `extras`; exits with one plain line where it cannot."""
    os.chdir(ROOT)
    if "dev" in extras and not (shutil.which("node") and shutil.which("npm")):
        extras = extras | {"node"}
    with (ROOT / "pyproject.toml").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes in one clone take turns
        made = _made()
        other_python = bool(os.environ.get("PYTHON")) and made["python"] not in ("", PYTHON_VERSION)
        if made["key"] == _key() and extras <= set(made["extras"]) and not other_python:
            return
        moved = made["root"] not in ("", str(ROOT))
        if moved or other_python or UNFINISHED.exists() or not os.access(PYTHON, os.X_OK):
            print(f"Making .venv with Python {PYTHON_VERSION} ...", flush=True)
            venv.create(VENV, clear=True, with_pip=True)
            made = _made()
        UNFINISHED.touch()
        READY.unlink(missing_ok=True)
        have = {"core", *made["extras"]} if made["key"] else set()
        extras |= set(made["extras"])
        _announce({"core", *extras} - have)
        LOG.write_text("")
        if "local" in extras:
            # First and alone: whatever depends on torch would otherwise be free to ask for another build of it.
            _pip_install(f"torch=={_pinned('torch')}")
        _pip_install("--editable", f".[{','.join(sorted(extras))}]" if extras else ".")
        made = {"key": _key(), "root": str(ROOT), "python": made["python"] or PYTHON_VERSION, "extras": sorted(extras)}
        READY.write_text(json.dumps(made))
        UNFINISHED.unlink()
        print("Set-up is complete.\n", flush=True)


def _made() -> dict[str, object]:
    """What the last finished set-up was made from; empty values if there is none."""
    try:
        made = json.loads(READY.read_text())
    except (OSError, ValueError):
        made = {}
    return {"key": "", "root": "", "python": "", "extras": [], **made}


def _key() -> str:
    """Changes whenever what is installed should, or the clone has moved (scripts in .venv hold its path)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    installed = [project["build-system"], project["project"], project["tool"]["hatch"]]
    digest = hashlib.sha256(json.dumps([str(ROOT), installed]).encode())
    digest.update((ROOT / CONSTRAINTS).read_bytes())
    return digest.hexdigest()


def _pinned(name: str) -> str:
    return re.search(rf"^{name}==(\S+)", (ROOT / CONSTRAINTS).read_text(), re.MULTILINE)[1]


def _announce(new: set[str]) -> None:
    """Say what is downloaded before it is; `new`: the parts that were not there before."""
    if not new:
        print(f"Bringing .venv up to date with {CONSTRAINTS} ...", flush=True)
        return
    parts = {CONTENTS[name]: SIZES_MB[name] for name in sorted(new)}
    note = ""
    if "local" in new:
        build, size, note = _torch_build()
        parts[f"torch {_pinned('torch')}, {build}"] = size
    print("Setting up .venv, once. To download, unless pip has it already:")
    for part, size in parts.items():
        print(f"  {_amount(size):>7}  {part}")
    print(f"  {_amount(sum(parts.values())):>7}  in all. {note}".rstrip())
    print(f"It takes some minutes; pip's own output goes to {LOG.relative_to(ROOT)}.", flush=True)


def _amount(megabytes: int) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes} MB"


def _torch_build() -> tuple[str, int, str]:
    """Which build of torch pip will take here, its size with what it needs, and what to say of it."""
    if sys.platform == "darwin":
        return "for macOS", TORCH_MAC_MB, ""
    versions = subprocess.run(
        [PYTHON, "-m", "pip", "index", "versions", "torch"], check=False, capture_output=True, text=True
    ).stdout
    if f" {_pinned('torch')}+cpu" in versions:
        return "build for the CPU", TORCH_CPU_MB, ""
    return (
        "with NVIDIA's CUDA libraries",
        TORCH_CUDA_MB,
        "Motif has no use for CUDA: where pip is set up with a place that has torch's CPU build,\n"
        "           it takes that one. Without the model, on words and paths alone: make demo CORE=1",
    )


def _pip_install(*what: str) -> None:
    """Install with pip, showing large downloads only; exits with pip's last lines where it fails."""
    # The second variable is the newer pip's name for what holds while our own package is built.
    environment = {**os.environ, "PIP_CONSTRAINT": CONSTRAINTS, "PIP_BUILD_CONSTRAINT": CONSTRAINTS}
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *what]
    complaints: deque[str] = deque(maxlen=4)
    with (
        LOG.open("a") as log,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as pip,
    ):
        for line in pip.stdout:
            log.write(line)
            if COMPLAINT.match(line) and line.strip() not in complaints:
                complaints.append(line.strip())
            download = LARGE_DOWNLOAD.search(line)
            if download:
                print(f"  downloading {download[1]} ({download[2]} MB)", flush=True)
            elif line.startswith("Installing collected packages"):
                print("  installing", flush=True)
    if pip.returncode:
        print(*complaints, sep="\n", file=sys.stderr)
        sys.exit(
            f"Set-up failed: pip says why in {LOG.relative_to(ROOT)}, in short above. Is the network there, and the "
            "package index that pip is set up with? Then run make again."
        )


if __name__ == "__main__":
    try:
        main(set(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("\nSet-up interrupted; the next make starts it over.")
    except OSError as error:
        sys.exit(f"Set-up failed: {error}.")

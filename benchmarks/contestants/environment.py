"""A virtual environment of the benchmarks' own for LiteLLM, made once under .cache: Motif never depends on it."""

import subprocess
import sys
import venv
from pathlib import Path

LITELLM = "1.106.2"
FOLDER = Path(__file__).parents[2] / ".cache" / f"litellm-{LITELLM}"


def litellm_python(folder: Path = FOLDER) -> Path:
    """Its interpreter; the first time this takes a minute and needs a package index."""
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        print(f"making an environment with litellm {LITELLM} ...", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True, clear=True)
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"litellm=={LITELLM}"]
        subprocess.run(command, check=True)
        (folder / "made").touch()
    return python

"""The demonstration: learn from a real history, look at what was learned, and find two patterns again.

`demo.py [PATH]` learns from the git repository at PATH instead. It keeps its data in .cache/demo, apart from any
installation, and may be run again: what is known already is not learned twice.
"""

import hashlib
import json
import os
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "procrastinate.jsonl"
MOTIF = Path(sys.executable).parent / "motif"
QUESTIONS = ("I want to change the database schema", "an acceptance test fails now and then")


def main(path: Path) -> None:
    """Run the demonstration; exits with the first command's code that is not 0."""
    example = path == EXAMPLE
    meaning = find_spec("sentence_transformers") is not None
    # A folder for each history, and one more for words alone: patterns made without a model are no use to one with.
    name = path.stem if example else f"{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    folder = ROOT / ".cache" / "demo" / (name if meaning else f"{name}-words")
    again = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    # Nobody's settings: neither those of the environment nor those of a .env file where make was called.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MOTIF_")}
    environment |= {"MOTIF_DATA_DIR": str(folder), "MOTIF_LOG_LEVEL": "error"}
    if not meaning:
        environment["MOTIF_EMBEDDING_MODEL"] = "none"
        print("Without the extra `local`: by words, paths and what changes together.")

    def motif(*arguments: str) -> None:
        shown = [str(EXAMPLE.relative_to(ROOT)) if argument == str(EXAMPLE) else argument for argument in arguments]
        print(f"\n$ motif {shlex.join(shown)}", flush=True)
        ended = subprocess.run([MOTIF, *arguments], cwd=folder, env=environment, check=False)
        if ended.returncode:
            sys.exit(ended.returncode)

    if example:
        print("1,200 real commits of the project procrastinate (MIT), as they come with Motif: examples/README.md.")
    motif("mine", str(path))
    if again:  # mining shows only what it finds anew
        motif("patterns", "list")
    names = _names(folder, environment)
    if not names:
        return  # mining has said why, and what to try next
    for question in QUESTIONS if example else names:
        motif("match", question, "--limit", "2")
    print(
        "\nEvery quote above stands word for word in a commit's message or its list of changed files. Now your own:\n"
        "    make demo DEMO=PATH                  as above, from the git repository at PATH\n"
        "    . .venv/bin/activate                 then, in your repository:\n"
        "    motif mine                           learn from it, now and whenever there is something new\n"
        '    motif match "what you are about to do"\n'
        "    motif --help                         all the rest; README.md says more"
    )


def _names(folder: Path, environment: dict[str, str]) -> list[str]:
    """Names of two patterns, to ask for in somebody's own history."""
    command = [str(MOTIF), "patterns", "list", "--limit", "2", "--json"]
    listed = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return [pattern["name"] for pattern in json.loads(listed.stdout)]


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).expanduser().resolve() if sys.argv[1:] else EXAMPLE)
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; run it again to go on.")

"""What no file of the house may hold."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

# The texts of others: a licence names its own address, a history says what it says.
NOT_OURS = ("LICENSE", "NOTICE", "examples/procrastinate.jsonl")

A_STATEMENT = re.compile(
    r"""^\s*(
      select\s.*\bfrom\b | select\s+[\w.]+\( | insert\s+into\b | update\s+[\w."]+\s+set\b | delete\s+from\b
    | (create|alter|drop)\s+(or\s+replace\s+)?
      (table|index|schema|role|function|view|trigger|policy|extension|database)\b
    | with\s+\w+\s+as\s*\( | truncate\s+\w+ | grant\s+\w+.*\bto\b | revoke\s+\w+.*\bfrom\b
    | notify\s+\w+\s*, | listen\s+\w+$
    )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
A_DOWNLOAD = re.compile(
    r"""https?://\S+\.(whl|tar\.gz|tgz|zip|deb|rpm|iso|sh)\b | https?://\S+/simple\b
    | \b(pypi\.org|pythonhosted\.org|npmjs\.(org|com)|pytorch\.org|debian\.org|huggingface\.co|crates\.io)\b
    | --(extra-)?index-url | --find-links""",
    re.IGNORECASE | re.VERBOSE,
)
A_MACHINE_PATH = re.compile(r"(?<![\w.~-])/(work|root|farm|tmp|home|Users|opt)/\w")
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "core", "manager", "misc"}


def tracked(*patterns: str) -> list[Path]:
    """Files in git, and those about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [ROOT / name for name in listed.splitlines() if name not in NOT_OURS and (ROOT / name).is_file()]


def product_modules() -> list[Path]:
    return tracked("service/*.py", "routing/*.py")


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text in the code that is no docstring, with its line."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def lines_with(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    found: list[str] = []
    for file in files:
        try:
            text = file.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        ]
    return found


def test_sql_stands_in_sql_files_only() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {text.strip()[:80]}"
        for file in product_modules()
        for line, text in strings(ast.parse(file.read_text("utf-8")))
        if A_STATEMENT.search(text)
    ]
    assert found == []


def test_the_search_for_sql_finds_sql() -> None:
    code = 'def f(c):\n    "Select what is due from the queue."\n    c.execute("select id from jobs")\n'
    assert [text for _, text in strings(ast.parse(code)) if A_STATEMENT.search(text)] == ["select id from jobs"]


def test_no_file_names_a_place_to_download_from() -> None:
    assert lines_with(A_DOWNLOAD, [file for file in tracked() if file != Path(__file__)]) == []


def test_no_file_holds_a_path_of_somebodys_machine() -> None:
    assert lines_with(A_MACHINE_PATH, [file for file in tracked() if file != Path(__file__)]) == []


def test_every_module_has_a_name_that_says_what_lives_there() -> None:
    parts = {
        (part, str(file.relative_to(ROOT))) for file in product_modules() for part in (file.stem, file.parent.name)
    }
    assert [place for part, place in sorted(parts) if part in NAMES_THAT_SAY_NOTHING] == []

"""What the documents name is there, and is called what they call it."""

import fnmatch
import re
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
import typer.main

from service import __version__
from service.cli.main import app
from service.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

A_FENCE = re.compile(r"^```.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)
A_LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)[^)]*\)")
# A path from the top of the repository: its first part is a folder of ours, or it is a file with an ending.
A_PATH = re.compile(r"^[\w.-]+(/[\w.*<>-]+)+/?$|^[\w-]+\.(md|toml|py|txt|sql|sh|jsonl)$")
A_COMMAND = re.compile(r"^ *(?:\$ +|[A-Z_]+=\S+ +)*motif((?: +[^\s`;&)]+)+)")
A_TARGET = re.compile(r"(?<![\w/.-])make +((?:[A-Z]+=\S+ +)*)([a-z]+)")


def code_in(document: Path) -> Iterator[str]:
    """Every piece of code in a document: lines of fences, and what stands between backticks."""
    text = document.read_text("utf-8")
    for fence in A_FENCE.findall(text):
        yield from (line.split("  #")[0] for line in fence.splitlines())
    yield from re.findall(r"`([^`\n]+)`", A_FENCE.sub("", text))


def places_named_in(document: Path) -> Iterator[str]:
    tops = {path.name for path in ROOT.iterdir()}
    for piece in re.findall(r"`([^`\n]+)`", A_FENCE.sub("", document.read_text("utf-8"))):
        if A_PATH.match(piece) and ("/" not in piece or piece.split("/")[0] in tops):
            yield piece


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_folders_that_a_document_names_exist(document: Path) -> None:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    folders = {str(parent) for file in files for parent in Path(file).parents}
    names = {Path(file).name for file in files}

    def there(place: str) -> bool:
        if "<" in place:  # a pattern for a name, like <time>_<what>.sql: its folder counts
            return str(Path(place).parent) in folders
        return place.rstrip("/") in folders or place in names or bool(fnmatch.filter(files, place))

    assert [place for place in places_named_in(document) if not there(place)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_document_lead_somewhere(document: Path) -> None:
    assert [link for link in A_LINK.findall(document.read_text("utf-8")) if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_that_a_document_names_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {target for piece in code_in(document) for _, target in A_TARGET.findall(piece)}
    assert named - targets == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_options_that_a_document_names_exist(document: Path) -> None:
    wrong = [
        f"motif{words}"
        for piece in code_in(document)
        for words in A_COMMAND.findall(piece)
        if unknown_in(words.split()) is not None
    ]
    assert wrong == []


def unknown_in(words: list[str]) -> str | None:
    """The first word that the command line does not know, of `motif` followed by these words."""
    command = typer.main.get_command(app)
    while (commands := getattr(command, "commands", None)) and words and not words[0].startswith("-"):
        names = words[0].split("|")  # `motif jobs list|retry` names two
        if unknown := set(names) - set(commands):
            return min(unknown)
        command, words = commands[names[0]], words[1:]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    named = [word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return next((option for option in named if option not in options), None)


@pytest.mark.parametrize(
    ("words", "unknown"),
    [
        ("mine . --limit 10", None),
        ("--version", None),
        ("patterns show abc --json", None),
        ("mend", "mend"),
        ("patterns lose", "lose"),
        ("mine --faster", "--faster"),
    ],
)
def test_the_search_for_unknown_commands_finds_them(words: str, unknown: str | None) -> None:
    assert unknown_in(words.split()) == unknown


def test_the_configuration_table_is_the_settings_class() -> None:
    text = (ROOT / "docs/configuration.md").read_text("utf-8")
    rows = re.findall(r"^\| `(MOTIF_\w+)` \| (.*?) \| (.*) \|$", text, re.MULTILINE)

    def default(name: str) -> str:
        field = Settings.model_fields[name]
        if field.default_factory is not None:
            return "the user's data folder of the system"
        listed = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        return "unset" if field.default in (None, ()) else f"`{listed}`"

    assert rows == [
        (f"MOTIF_{name.upper()}", default(name), field.description) for name, field in Settings.model_fields.items()
    ]


def test_settings_that_a_document_names_exist() -> None:
    known = {f"MOTIF_{name.upper()}" for name in Settings.model_fields}
    named = {word for path in DOCUMENTS for word in re.findall(r"MOTIF_[A-Z_]+[A-Z]", path.read_text("utf-8"))}
    assert named - known == set()


def test_the_version_is_the_same_everywhere_and_the_changelog_has_it() -> None:
    assert PROJECT["project"]["version"] == __version__
    assert re.search(rf"^## {re.escape(__version__)}\b", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)


def test_decisions_have_numbers_of_their_own() -> None:
    numbers = [path.name[:4] for path in sorted((ROOT / "docs/decisions").glob("*.md"))]
    assert all(re.fullmatch(r"\d{4}", number) for number in numbers)
    assert len(numbers) == len(set(numbers)) >= 3


def test_the_glossary_defines_each_word_once() -> None:
    words = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs/glossary.md").read_text("utf-8"), re.MULTILINE)
    words = [word for word in words if word not in ("word", "---")]
    assert len(words) == len(set(words)) > 40


def test_the_constraints_hold_every_pin_of_the_project_and_nothing_but_versions() -> None:
    lines = (ROOT / "requirements/constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [
        pin for pin in pins if not re.fullmatch(r"[a-z0-9.-]+==[\w.]+( ; python_version [<>=]+ '[\d.]+')?", pin)
    ] == []
    extras = PROJECT["project"]["optional-dependencies"]
    direct = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"], *chain(*extras.values())]
    assert {re.sub(r"\[.*\]", "", requirement) for requirement in direct} - set(pins) == set()

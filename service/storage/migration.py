"""A migration file: its version, its name and its statements, split as the Supabase CLI splits them."""

import re
from collections.abc import Generator
from importlib.resources import files
from pathlib import Path

import msgspec

_FILE_NAME = re.compile(r"(?P<version>\d+)_(?P<name>.*)\.sql")

_TOKEN = re.compile(
    r"""
      --[^\n]*
    | (?P<comment>/\*)
    | [eE]'(?:[^'\\]|\\.|'')*'                        # escape string: a backslash may hide the quote
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | (?P<dollar>\$(?:[^\W\d]\w*)?\$).*?(?P=dollar)
    | (?P<word>[^\W\d][\w$]*)                         # taken whole, so that a$b opens no dollar quote
    | (?P<end>;)
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")

_CREATES = re.compile(
    r"""
    (?: \s | --[^\n]*\n )*
    create \s+
    (?P<kind> schema | table | view | materialized\s+view | sequence | function | procedure ) \s+
    (?P<name> [\w.]+ )
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Migration(msgspec.Struct, frozen=True):
    """One file `<version>_<name>.sql`; versions are compared as text, as the CLI does."""

    version: str
    name: str
    sql: str

    def __str__(self) -> str:
        return f"{self.version}_{self.name}"

    @property
    def statements(self) -> list[str]:
        """Its statements, each with the comments before it, without the semicolon."""
        return split(self.sql)


def read_migrations(folder: Path | None = None) -> list[Migration]:
    """Every migration of this Motif, oldest first: those of the installed package, or of the checkout beside it."""
    if folder is None:
        package = Path(str(files("service.storage")))
        folder = package / "migrations"
        if not folder.is_dir():
            folder = package.parents[1] / "supabase" / "migrations"
    found: list[Migration] = []
    for path in folder.iterdir():
        parts = _FILE_NAME.fullmatch(path.name)
        if parts:
            found.append(Migration(parts["version"], parts["name"], path.read_bytes().decode("utf-8-sig")))
    return sorted(found, key=lambda migration: migration.version)


def split(sql: str) -> list[str]:
    """Split at the semicolons that end a statement: not those in quotes, comments or a `begin atomic` body.

    Serves the bookkeeping only: a file is run whole, so what is taken apart wrongly harms nothing but the record.
    """
    return [statement for statement in (part.strip() for part in _parts(sql)) if statement]


def created(migrations: list[Migration]) -> dict[str, list[str]]:
    """What these migrations make and what therefore must not be there before, by kind.

    schema: names; relation and function: `schema.name`. What is made without naming its schema lies in one that is
    made here too, and what is made `if not exists` may be there.
    """
    names: dict[str, list[str]] = {"schema": [], "relation": [], "function": []}
    for statement in (statement for migration in migrations for statement in migration.statements):
        match = _CREATES.match(statement)
        if match is None:
            continue
        kind = match["kind"].lower()
        if kind == "schema":
            if match["name"].lower() != "if":
                names["schema"].append(match["name"])
        elif "." in match["name"]:
            names["function" if kind in {"function", "procedure"} else "relation"].append(match["name"])
    return names


def _parts(sql: str) -> Generator[str]:
    start = position = 0
    depth = 0  # of begin atomic, and of each case in it: every one has an end
    previous = ""
    while position < len(sql):
        token = _TOKEN.match(sql, position)
        if token is None:  # never: the last alternative takes anything
            break
        position = _end_of_comment(sql, token.end()) if token["comment"] else token.end()
        word = (token["word"] or "").lower()
        if (word == "atomic" and previous == "begin") or (word == "case" and depth):
            depth += 1
        elif word == "end" and depth:
            depth -= 1
        elif token["end"] and not depth:
            yield sql[start : token.start()]
            start = position
        previous = word or (previous if token[0].isspace() else "")
    yield sql[start:]


def _end_of_comment(sql: str, position: int) -> int:
    """Where a block comment ends whose inside begins at `position`; they nest."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(sql, position):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(sql)

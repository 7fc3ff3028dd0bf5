"""SQL by name: reads the `.sql` files of service/storage/sql. The only way Python gets at SQL."""

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)
_COMMENT_LINE = re.compile(r"^\s*--.*\n?", re.MULTILINE)


@cache
def _read(file_name: str) -> dict[str, LiteralString]:
    text = files("service.storage").joinpath("sql", f"{file_name}.sql").read_text("utf-8")
    # Split at the names: [what stands before the first, name, text, name, text, ...]
    _, *parts = _NAME.split(text)
    queries: dict[str, LiteralString] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name in queries:
            raise ValueError(f"{file_name}.sql has two queries named {name}")
        # Comments go, so that a % in one is not taken for a placeholder. What is shipped in the package is as
        # literal as code, hence the type that psycopg asks for.
        queries[name] = cast(LiteralString, _COMMENT_LINE.sub("", body).strip())
    return queries


class Queries:
    """The queries of one file, read at the first use: `SQL = load("patterns")`, then `SQL["insert_pattern"]`."""

    def __init__(self, file_name: str) -> None:
        self._file_name = file_name

    def __getitem__(self, query: str) -> LiteralString:
        """The SQL of one query; KeyError for a name that the file does not have."""
        return _read(self._file_name)[query]


def load(file_name: str) -> Queries:
    """The queries of `service/storage/sql/<file_name>.sql`.

    Each begins with a line `-- name: the_name` and a comment line saying what it does; it ends at the next name.
    """
    return Queries(file_name)

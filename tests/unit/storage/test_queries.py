"""SQL by name."""

from importlib.resources import files

import pytest

from service.storage.queries import load

FILES = [path.name.removesuffix(".sql") for path in files("service.storage").joinpath("sql").iterdir()]


def test_a_query_is_had_by_its_name_without_its_comment() -> None:
    assert load("migrate")["lock"] == "select pg_advisory_xact_lock(hashtextextended('motif migrations', 0))"


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        load("migrate")["no_such_query"]


@pytest.mark.parametrize("name", FILES)
def test_every_query_is_named_once_and_says_what_it_is_for(name: str) -> None:
    lines = files("service.storage").joinpath("sql", f"{name}.sql").read_text("utf-8").splitlines()
    heads = [number for number, line in enumerate(lines) if line.startswith("-- name: ")]
    assert heads
    for head in heads:
        assert load(name)[lines[head].removeprefix("-- name: ").strip()]
        assert lines[head + 1].startswith("-- ")

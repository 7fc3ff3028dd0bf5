import json
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from routing.complexity import score
from routing.errors import CatalogInvalid
from routing.weights import DEFAULT, LARGEST_FILE_BYTES, Fitted, Weights, dump_weights, load_weights

FITTED = msgspec.structs.replace(
    DEFAULT,
    version="fitted-2026-11-20-900",
    kinds={"issue": -0.25},
    words=tuple((n * 37 % 101 - 50) / 100 for n in range(4096)),
    fitted=Fitted(date(2026, 11, 20), 900, 700, 0.64, 0.86, 10.0, 0.61, (0.57, 0.65)),
)
TEXTS = (
    "Bump ruff to 0.17.5",
    "The lock is not released unless the worker, which may have died, says so.",
    "Ein Satz auf Deutsch. \ud800 日本語",
    "",
)


def written(folder: Path, change: dict[str, Any] | None = None, weights: Weights = FITTED) -> Path:
    file = folder / "router.json"
    file.write_text(json.dumps({**json.loads(dump_weights(weights)), **(change or {})}), "utf-8")
    return file


def test_a_file_gives_the_very_same_scores(tmp_path: Path):
    loaded = load_weights(written(tmp_path))
    assert loaded == FITTED
    for text in TEXTS:
        assert score(text, kind="issue", files=3, weights=loaded) == score(text, kind="issue", files=3, weights=FITTED)


def test_no_file_means_the_built_in_weights():
    assert load_weights(None) is DEFAULT


def test_the_built_in_weights_can_be_written_and_read_too(tmp_path: Path):
    assert load_weights(written(tmp_path, weights=DEFAULT)) == DEFAULT


def test_a_file_is_small_and_holds_nothing_but_names_and_numbers(tmp_path: Path):
    data = dump_weights(FITTED)
    assert len(data) < 200_000
    held = json.loads(data)
    assert set(held) == {"version", "base", "signs", "kinds", "words", "fitted", "reading", "schema"}
    assert all(isinstance(value, float) for value in held["words"])
    assert data == dump_weights(load_weights(written(tmp_path)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 2}, "newer Motif"),
        ({"reading": 99}, "newer Motif"),
        ({"schema": 2, "words": "packed otherwise"}, "newer Motif"),
        ({"reading": 0}, "older Motif"),
        ({"schema": None}, "does not hold weights"),
        ({"base": "high"}, "does not hold weights"),
        ({"words": [0.1, "x"]}, "does not hold weights"),
        ({"unforeseen": 1}, "does not hold weights"),
        ({"signs": {"length": 1.0}}, "no sign called 'length'"),
        ({"words": [0.1] * 3}, "3 slots"),
        ({"words": [0.1] * 131_072}, "131072 slots"),
        ({"base": 1e300}, "out of all bounds"),
        ({"words": [-5_000.0]}, "out of all bounds"),
    ],
)
def test_a_file_that_is_no_use_is_an_error_that_says_what_to_do(tmp_path: Path, change: dict[str, Any], says: str):
    with pytest.raises(CatalogInvalid) as caught:
        load_weights(written(tmp_path, change))
    assert says in caught.value.message
    assert "MOTIF_ROUTER_FILE" in caught.value.message
    assert "\n" not in caught.value.message
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"schema": 1, "reading": 1', b"[" * 100_000, b'{"schema": 1e999}'],
)
def test_a_damaged_file_is_an_error_that_says_what_to_do(tmp_path: Path, data: bytes):
    file = tmp_path / "router.json"
    file.write_bytes(data)
    with pytest.raises(CatalogInvalid, match="motif router fit"):
        load_weights(file)


def test_every_way_of_cutting_a_file_short_is_an_error(tmp_path: Path):
    whole = dump_weights(DEFAULT)
    file = tmp_path / "router.json"
    for length in range(0, len(whole) - 2, 7):
        file.write_bytes(whole[:length])
        with pytest.raises(CatalogInvalid):
            load_weights(file)


def test_a_file_that_is_missing_or_huge_or_a_folder_is_an_error(tmp_path: Path):
    huge = tmp_path / "huge.json"
    huge.write_bytes(b" " * (LARGEST_FILE_BYTES + 1))
    for file in (huge, tmp_path / "missing.json", tmp_path):
        with pytest.raises(CatalogInvalid, match="motif router fit"):
            load_weights(file)

import pytest

from service.errors import InputInvalid
from service.extraction.import_lines import read_patterns


def test_a_name_is_enough():
    [(key, record)] = read_patterns(b'{"name": "Retry with backoff"}', "f")
    assert record.status == "active"
    assert key.startswith("import:")


def test_an_array_and_lines_say_the_same():
    lines = read_patterns(b'{"name": "a"}\n\n{"name": "b"}', "f")
    assert read_patterns(b'\xef\xbb\xbf [{"name": "a"}, {"name": "b"}]', "f") == lines


def test_a_record_that_stands_twice_is_two_patterns_with_lasting_keys():
    twice = b'{"name": "a"}\n{"name": "a"}\r\n'
    keys = [key for key, _ in read_patterns(twice, "f")]
    assert len(set(keys)) == 2
    assert keys == [key for key, _ in read_patterns(twice, "f")]


def test_an_export_keeps_its_key_and_may_hold_more_than_an_import_needs():
    [(key, _)] = read_patterns(b'{"name": "a", "context_hash": "k", "version": 3, "project": "p"}', "f")
    assert key == "k"


def test_recommendations_may_stand_beside_the_content():
    line = b'{"name": "a", "content": {"recommendations": ["x"]}, "recommendations": ["y"]}'
    [(_, record)] = read_patterns(line, "f")
    assert record.whole_content.recommendations == ("x", "y")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no pattern"),
        (b"\n \n", "no pattern"),
        (b'{"name": "a"}\n{"nam', "line 2: not JSON"),
        (b'{"name": "a"}\n{"description": "x"}', "line 2"),
        (b'{"name": "  "}', "the name is blank"),
        (b'{"name": 7}', r"\$\.name"),
        (b'{"name": "a", "confidence": 2}', r"\$\.confidence"),
        (b'{"name": "a", "pattern_type": "No Such"}', r"\$\.pattern_type"),
        (b'{"name": "a", "status": "gone"}', r"\$\.status"),
        (b'[{"name": "a"}, 3]', "record 2"),
        (b'{"name": "\xff"}', "line 1: not JSON"),
        (
            b'{"name": "a", "context_hash": "k"}\n{"name": "b", "context_hash": "k"}',
            "line 2: context_hash k stands twice",
        ),
    ],
)
def test_bad_input_names_its_place(data: bytes, told: str):
    with pytest.raises(InputInvalid, match=told):
        read_patterns(data, "file.jsonl")

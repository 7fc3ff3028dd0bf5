"""Structs as vendors' schemas: strict everywhere, nothing unsupported, and nothing of the struct's own bounds lost."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from wire.schema import refuse_anthropic, refuse_openai, smallest

from routing.errors import AnswerInvalid
from routing.price import Usage
from routing.task import Prompt
from routing.vendors.schema import validated, vendor_schema


class Leaf(msgspec.Struct):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern="^[a-z]", description="a word")]


class Tree(msgspec.Struct):
    leaves: Annotated[list[Leaf], msgspec.Meta(min_length=2, max_length=5)]
    weight: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    kind: Literal["oak", "elm"] | None = None
    seen: datetime | None = None
    rings: Literal[1, 2] = 1


class Knot(msgspec.Struct):
    name: str
    next: "Knot | None" = None


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    tricks: list[str]


class Pet(msgspec.Struct):
    owned: Cat | Dog


class Mapped(msgspec.Struct):
    by_name: dict[str, int]


class Paired(msgspec.Struct):
    pair: tuple[str, int]


@pytest.mark.parametrize("answer", [Leaf, Tree, Knot, Pet])
def test_strict_vendors_take_the_schema(answer: type[Any]) -> None:
    schema = vendor_schema(answer)
    assert (refuse_openai(schema), refuse_anthropic(schema)) == ("", "")
    assert msgspec.json.decode(msgspec.json.encode(schema)) == schema


def test_every_field_is_required_and_bounds_are_told_in_words() -> None:
    schema = vendor_schema(Tree)
    assert schema["required"] == ["leaves", "weight", "kind", "seen", "rings"]
    assert schema["properties"]["weight"]["description"] == "minimum 0, maximum 1, default 0.5"
    assert schema["properties"]["rings"] == {"enum": [1, 2], "type": "integer", "description": "default 1"}
    leaf = schema["$defs"]["Leaf"]["properties"]["text"]
    assert leaf == {"type": "string", "description": "a word (minLength 1, maxLength 40, pattern ^[a-z])"}


def test_a_struct_within_itself_keeps_its_definition() -> None:
    schema = vendor_schema(Knot)
    assert set(schema["$defs"]) == {"Knot"}
    assert smallest(schema) == {"name": "", "next": None}


@pytest.mark.parametrize("answer", [Mapped, Paired, list[Leaf], int])
def test_what_strict_vendors_cannot_be_told_is_refused_where_it_is_written(answer: type[Any]) -> None:
    with pytest.raises(TypeError):
        vendor_schema(answer)


def answered(text: str, answer: type[Any] = Tree, most: int = 10) -> Any:
    prompt = Prompt("tree", "", "", answer, most)
    return validated(text, prompt, usage=Usage(1, 2), model="m")


def test_bounds_that_no_vendor_holds_are_held_here() -> None:
    with pytest.raises(AnswerInvalid, match=r"at \$\.leaves$") as raised:
        answered('{"leaves": [{"text": "a"}]}')
    assert (raised.value.usage, raised.value.model) == (Usage(1, 2), "m")
    with pytest.raises(AnswerInvalid, match=r"at \$\.leaves\[1\]\.text$"):
        answered('{"leaves": [{"text": "a"}, {"text": "Hush"}]}')


def test_an_error_names_the_place_and_nothing_that_the_model_wrote() -> None:
    with pytest.raises(AnswerInvalid) as raised:
        answered('{"leaves": [{"text": "a"}, {"text": "b"}], "kind": "hush hush"}')
    assert str(raised.value) == "the answer is not as the schema wants it, at $.kind"


def test_what_may_be_left_out_gets_its_default() -> None:
    assert answered('{"leaves": [{"text": "a"}, {"text": "b"}]}').weight == 0.5


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert answered('{"name": "\\\\u0000 is how NUL is written"}', Knot).name == "\\u0000 is how NUL is written"
    with pytest.raises(AnswerInvalid):
        answered('{"name": "\\\\\\u0000"}', Knot)


def test_the_longest_answer_grows_with_the_output_that_was_asked_for() -> None:
    text = '{"name": "' + "x" * 30_000 + '"}'
    assert answered(text, Knot, most=4_000).name
    with pytest.raises(AnswerInvalid, match="longer than 16384 characters"):
        answered(text, Knot, most=1_000)


@pytest.mark.parametrize(
    "text", ["```json\n{}\n``` and more", "Here:\n```json\n{}\n```", "```json\n```", "<think>{}", "", "   ", "```"]
)
def test_what_stands_around_json_and_is_no_fence_makes_it_invalid(text: str) -> None:
    with pytest.raises(AnswerInvalid):
        answered(text.replace("{}", '{"name": "a"}'), Knot)

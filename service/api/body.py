"""Bodies: strict JSON into the struct that a handler declares, with every field that is wrong named at once."""

from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal, TypeVar, cast, get_args, get_origin

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException

from service.api.problem import BodyUnreadable, FieldError, FieldsInvalid, MediaTypeUnsupported

MAX_BODY_BYTES = 512 * 1024

T = TypeVar("T")


class StrictRequest(Request[Any, Any, Any]):
    """Litestar's request, except that its JSON is never coerced: "5" is no number and NaN is no confidence."""

    async def body(self) -> bytes:
        """The whole body; raises BodyUnreadable if the caller hung up in the middle of it."""
        try:
            return await super().body()
        except InternalServerException:
            raise BodyUnreadable("The body ended before its Content-Length.") from None

    async def json(self) -> Any:
        """The body as the type of the handler's `data`; raises MediaTypeUnsupported, BodyUnreadable, FieldsInvalid."""
        if self.content_type[0] != "application/json":
            # A page of another site can send any other type without the browser asking first.
            raise MediaTypeUnsupported("The body's Content-Type is not application/json.")
        declared = self.route_handler.parsed_data_field
        return decode(await self.body(), declared.annotation if declared else Any)


def decode(body: bytes, as_type: type[T]) -> T:
    """The body as a struct; raises BodyUnreadable, or FieldsInvalid naming every field that is wrong."""
    try:
        return msgspec.json.decode(body, type=as_type)
    except msgspec.ValidationError as error:
        first = error
    except msgspec.DecodeError as error:
        raise BodyUnreadable(f"The body is not JSON: {error}.") from None
    except UnicodeDecodeError as error:
        raise BodyUnreadable(f"The body is not UTF-8: byte {error.start} of a text.") from None
    except RecursionError:
        raise BodyUnreadable("The body is nested too deeply.") from None
    try:
        found = list(field_errors(msgspec.json.decode(body), as_type))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = []
    raise FieldsInvalid(found or [_field_error(first, "")])


def field_errors(value: object, as_type: Any, path: str = "") -> list[FieldError]:
    """What is wrong with each field of `value`, which is JSON already decoded, as a struct type sees it.

    msgspec stops at the first one; somebody who has to mend a request wants them all.
    """
    struct = _struct_in(as_type)
    if struct is None or not isinstance(value, dict):
        return _value_errors(value, as_type, path)
    given = cast("dict[str, object]", value)
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    errors = [FieldError(f"{path}{name}", "Unknown field") for name in given if name not in fields]
    for name, field in fields.items():
        if name in given:
            nested = f"{path}{name}."
            errors += field_errors(given[name], field.type, nested)
        elif field.required:
            errors.append(FieldError(f"{path}{name}", "Missing, and needed"))
    return errors


def _struct_in(as_type: Any) -> type[msgspec.Struct] | None:
    """The struct that a type is, or the one that it may be beside null."""
    for one in (as_type, *get_args(as_type)):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return one
    return None


def _value_errors(value: object, as_type: Any, path: str) -> list[FieldError]:
    try:
        msgspec.convert(value, as_type)
    except msgspec.ValidationError as error:
        found = _field_error(error, path.rstrip("."))
        return [FieldError(found.path, _plainly(found.message, as_type))]
    return []


def _plainly(message: str, as_type: Any) -> str:
    """What msgspec says of a value, with the choices there are, and without the expression that a text failed."""
    if message.startswith("Invalid enum value") and (choices := list(_choices(as_type))):
        return f"Not one of {', '.join(choices)}"
    if message.startswith("Expected `str` matching regex"):
        return "Blank, or with characters that it must not have"
    return message


def _choices(as_type: Any) -> Iterator[str]:
    """The values of every choice in a type, inside of lists and beside null too."""
    if isinstance(as_type, type) and issubclass(as_type, Enum):
        yield from (str(member.value) for member in as_type)
    elif get_origin(as_type) is Literal:
        yield from map(str, get_args(as_type))
    else:
        for part in get_args(as_type):
            yield from _choices(part)


def _field_error(error: msgspec.ValidationError, path: str) -> FieldError:
    # msgspec ends with where inside the value: "Expected `str` - at `$[0]`".
    message, _, inside = str(error).partition(" - at `$")
    return FieldError((path + inside.rstrip("`")).lstrip(".") or "body", message)

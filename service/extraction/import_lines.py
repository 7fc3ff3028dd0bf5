"""Reading patterns that people bring along: JSON lines or one JSON array, all of it checked before any is stored."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import msgspec

from service.errors import InputInvalid
from service.extraction.pattern import Content

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Text = Annotated[str, msgspec.Meta(max_length=200_000)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
# A glob may be as long as a path.
Scope = Annotated[str, msgspec.Meta(min_length=1, max_length=4_096)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class ImportedEvidence(msgspec.Struct, frozen=True):
    """A quote as an export carries it; where it stood cannot be checked here, so it is told, not relied upon."""

    quote: Text
    source: str = ""
    kind: str = ""


class ImportedPattern(msgspec.Struct, frozen=True):
    """One record. Only `name` is needed; other fields have the meaning they have in an export."""

    name: Name
    description: Text | None = ""
    pattern_type: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,49}$")] = "general"
    content: Content = Content()
    recommendations: list[Text] = []
    tags: list[Label] = []
    scope: list[Scope] = []
    status: Annotated[str, msgspec.Meta(pattern="^(proposed|active|deprecated|archived)$")] = "active"
    confidence: Share = 1.0
    success_rate: Share | None = None
    quality_metrics: dict[str, Any] = {}
    success_criteria: dict[str, Any] = {}
    execution_trace: dict[str, Any] = {}
    performance_data: dict[str, Any] = {}
    evidence: list[ImportedEvidence] = []
    context_hash: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")] | None = None
    created_at: datetime | None = None

    @property
    def whole_content(self) -> Content:
        """The content, with recommendations that were given beside it."""
        if not self.recommendations:
            return self.content
        both = (*self.content.recommendations, *self.recommendations)
        return msgspec.structs.replace(self.content, recommendations=tuple(dict.fromkeys(both)))


def read_patterns(data: bytes, name: str) -> list[tuple[str, ImportedPattern]]:
    """Each record with its key; a record that stands twice is two patterns, and has the same two keys next time.

    Raises InputInvalid naming the line (or the place in the array) and the field.
    """
    records: list[tuple[str, ImportedPattern]] = []
    seen: Counter[str] = Counter()
    for place, raw in _records(data, name):
        try:
            record = msgspec.convert(raw, ImportedPattern, strict=True)
        except msgspec.ValidationError as error:
            raise InputInvalid(f"{name}, {place}: {error}.", fix="Mend it; nothing was stored.") from None
        if not record.name.strip():
            raise InputInvalid(f"{name}, {place}: the name is blank.", fix="Mend it; nothing was stored.")
        key = record.context_hash or _key(record)
        seen[key] += 1
        if seen[key] > 1:
            if record.context_hash:
                raise InputInvalid(f"{name}, {place}: context_hash {key} stands twice.", fix="Leave one of them out.")
            key = f"{key}-{seen[key]}"
        records.append((key, record))
    if not records:
        raise InputInvalid(f"{name} holds no pattern.", fix='Give one JSON object a line, at least {"name": "…"}.')
    return records


def _records(data: bytes, name: str) -> Iterator[tuple[str, Any]]:
    text = data.removeprefix(b"\xef\xbb\xbf")
    if text.lstrip()[:1] == b"[":
        for number, raw in enumerate(_decode(text, name, "the array"), start=1):
            yield f"record {number}", raw
        return
    # Not splitlines(): a JSON string may hold U+2028 and its like as they are.
    for number, line in enumerate(text.split(b"\n"), start=1):
        if line.strip():
            yield f"line {number}", _decode(line, name, f"line {number}")


def _decode(data: bytes, name: str, place: str) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputInvalid(
            f"{name}, {place}: not JSON ({error}).", fix="Give one JSON object a line, or one array of objects."
        ) from None


def _key(record: ImportedPattern) -> str:
    said = msgspec.json.encode((record.name, record.description or "", record.pattern_type, record.whole_content))
    return "import:" + hashlib.sha256(said).hexdigest()[:40]

"""What a written pattern rests on: quotes that its writer brings along, or else the writer's own words."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from routing.task import Priority
from service.errors import RequestInvalid
from service.extraction.intake import storable
from service.extraction.own_words import says
from service.extraction.written_pattern import WrittenEvidence, words_of
from service.storage import interactions
from service.storage.database import Caller, Connection
from service.storage.own_words import own_words_source, placed
from service.storage.patterns import Row


class EvidenceInvalid(RequestInvalid):
    """Evidence that does not stand; `wrong`: position in the list -> what is wrong with it."""

    def __init__(self, wrong: Mapping[int, str]) -> None:
        super().__init__("; ".join(f"evidence[{at}]: {what}" for at, what in wrong.items()) + ".")
        self.wrong = wrong


async def standing(connection: Connection, project_id: UUID, evidence: Sequence[WrittenEvidence]) -> list[Row]:
    """The evidence as rows; raises EvidenceInvalid naming each piece that does not stand in its interaction."""
    given: list[Row] = [msgspec.to_builtins(one) for one in evidence]
    places = await placed(connection, project_id, given) if given else []
    wrong: dict[int, str] = {}
    for at, (one, place) in enumerate(zip(given, places, strict=True)):
        if not place["found"]:
            wrong[at] = "there is no such interaction in the project"
        elif not place["readable"]:
            wrong[at] = "the interaction is not read yet"
        elif not place["stands"]:
            wrong[at] = "the quote does not stand in its interaction at these offsets"
        elif not says(one["quote"]):
            wrong[at] = "the quote says nothing"
    if wrong:
        raise EvidenceInvalid(wrong)
    return [
        {**one, "version": 1, **{name: place[name] for name in ("repository", "visibility", "link")}}
        for one, place in zip(given, places, strict=True)
    ]


async def own_evidence(connection: Connection, caller: Caller, row: Row) -> list[Row]:
    """What a pattern says, kept as a document that nothing is learned from, and its quotes as evidence."""
    source = await own_words_source(connection, row["project_id"])
    words = words_of(row["name"], row["description"], row["content"])
    key = row["context_hash"]
    document = {
        "kind": "document",
        "external_key": key,
        "revision": words.revision,
        # Of an agent too: it writes for whoever made its key.
        "author_key": f"user:{caller.user_id}" if caller.user_id else None,
        "occurred_at": storable(datetime.now(UTC)),
        "text": words.text,
        "metadata": {"title": row["name"]},
    }
    new = await interactions.insert_interactions(
        connection, source, [document], priority=Priority.INTERACTIVE.value, state="done"
    )
    stored = new.get((key, words.revision)) or await interactions.id_of(connection, source, key, words.revision)
    return [
        {
            "pattern_id": str(row["id"]),
            "version": row["version"],
            "interaction_id": str(stored),
            "quote": words.text[quote.start : quote.end],
            "char_start": quote.start,
            "char_end": quote.end,
            "repository": None,
            "visibility": source.visibility,
            "link": None,
        }
        for quote in words.quotes
    ]

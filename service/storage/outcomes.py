"""What came of tasks, with the texts that they were about: what the complexity score is fitted to."""

import msgspec

from routing.signs import READ_CHARACTERS
from service.storage.database import Connection
from service.storage.queries import load

SQL = load("outcomes")


class Outcome(msgspec.Struct, frozen=True):
    """One type of task on one interaction.

    `weak` and `strong`: shares of answers that stood, of local and of commercial models; None where none was asked.
    """

    task_type: str
    interaction: str
    kind: str
    text: str
    files: int
    weak: float | None
    strong: float | None


async def recorded(connection: Connection, *, most: int) -> list[Outcome]:
    """The newest outcomes of the whole installation, `most` at most; needs the role of the service."""
    cursor = await connection.execute(SQL["outcomes"], {"most": most, "read": READ_CHARACTERS})
    return [msgspec.convert(row, Outcome) for row in await cursor.fetchall()]

"""Retention: what a source has kept for longer than it may is erased, batch by batch, exactly like a source's part."""

from time import monotonic

from service.erasure.erasing import erase_expired
from service.erasure.receipt import Receipt
from service.matching.embedder import Embedder
from service.storage.database import Database

BATCH = 200
"""Interactions of one transaction: the project waits for it, and for the patterns that it rewrites."""


async def retain(database: Database, embedder: Embedder | None, *, longest_s: float | None = None) -> list[Receipt]:
    """Erase what is over its source's `retention_days`, by when it came in; a receipt for each batch.

    `longest_s`: begin no other batch after so many seconds; the rest waits for the next run. Several may run at once.
    """
    began = monotonic()
    receipts: list[Receipt] = []
    while longest_s is None or monotonic() - began < longest_s:
        receipt = await erase_expired(database, embedder, most=BATCH)
        if receipt is None:
            break
        receipts.append(receipt)
    return receipts

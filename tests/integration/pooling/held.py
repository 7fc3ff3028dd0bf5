"""A process that asks as somebody, says so, and then holds its transaction open until it is killed."""

import asyncio
import sys
from uuid import UUID

from service.storage.database import Caller, Database


async def main(url: str, person: str, pooled: str) -> None:
    database = Database(url, pool_size=1, pooled=pooled == "1", application="motif-test-held")
    await database.open()
    async with database.reading(Caller(UUID(person))) as connection:
        await connection.execute("select pg_advisory_xact_lock(77)")
        row = await (await connection.execute("select current_user::text as role, auth.uid() as person")).fetchone()
        assert row is not None
        sys.stdout.write(f"{row['role']} {row['person']}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

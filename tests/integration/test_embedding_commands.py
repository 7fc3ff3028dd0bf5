"""A vendor's embeddings on the command line: mined with words, said once, filled when there is a budget."""

import asyncio
import json
from pathlib import Path

import psycopg
from vendor_house import OPENAI, commits
from wire.server import wire_server


async def test_what_had_no_vector_is_said_counted_and_filled(motif, tmp_path: Path, database_url: str):
    async with wire_server() as wire:
        settings = {
            "MOTIF_EMBEDDING_MODEL": OPENAI,
            "MOTIF_OPENAI_API_KEY": "good",
            "MOTIF_OPENAI_URL": f"{wire.url}/openai/v1",
        }
        path = commits(tmp_path / "open.jsonl", 120)

        async def run(*arguments: str) -> tuple[str, str]:
            ran = await asyncio.to_thread(motif, *arguments, **settings)
            assert ran.returncode == 0, ran.stderr
            return ran.stdout, ran.stderr

        _, said = await run("mine", str(path), "--project", "team")
        assert said.count(f"{OPENAI} may not see texts of some sources") == 1
        [closed] = json.loads((await run("embeddings", "status", "--json"))[0])
        assert closed["rows"] == closed["without_vector"] == closed["held_back"] > 0
        await run("sources", "allow", "open", "--project", "team")
        told, said = await run("embeddings", "fill")
        assert told.startswith(f"0 patterns embedded, {closed['rows']} without")
        assert "no budget holds" in said
        assert not any("embeddings" in seen.path for seen in wire.requests)
        with psycopg.connect(database_url) as admin:
            admin.execute("insert into budgets (kind, day_limit_nusd) values ('total', 1000000000) on conflict (key)"
                          " do update set day_limit_nusd = excluded.day_limit_nusd")  # fmt: skip
        assert (await run("embeddings", "fill"))[0] == f"{closed['rows']} patterns embedded, 0 without a vector.\n"
        assert "0 of them without a vector" in (await run("embeddings", "status"))[0]

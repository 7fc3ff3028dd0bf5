"""What row-level security costs a match: the same SQL as a member and as a role that bypasses the policies.

    python benchmarks/match_rls.py [--small 300] [--mid 10000] [--large 60000] [--rounds 150]

Three tenants and some others in one database, on an embedded server in a temporary folder. Vectors and texts are made
up: clustered unit vectors of 384 dimensions, words by Zipf's law. Both sides take turns, query by query, in one run;
the ratio is the median of the pairs' ratios. Also how much of the true nearest the index finds, and what the small
tenant's match takes beside the large ones against the same tenant alone.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from service.local_postgres.server import open_local
from service.matching import rank
from service.matching.request import Filters
from service.matching.search import candidate_parameters
from service.settings import Settings
from service.storage import search
from service.storage.database import Caller, Database, Role
from service.storage.migrate import migrate

DIMENSION, CLUSTERS, VOCABULARY, WORDS, ASKED = 384, 200, 20_000, 20, 8
LIMITS = {"ratio": 1.05, "recall": 0.94}
TOP = 10

Vectors = NDArray[np.float32]


class Tenant(msgspec.Struct, frozen=True):
    """A project with its one member, and points of its own clusters to ask for."""

    name: str
    project: UUID
    user: UUID
    patterns: int
    queries: Vectors
    asked: list[list[str]]


def main() -> None:
    """Print each figure beside its limit; exit code 1 if one is over it."""
    parser = argparse.ArgumentParser()
    for name, patterns in (("small", 300), ("mid", 10_000), ("large", 60_000)):
        parser.add_argument(f"--{name}", type=int, default=patterns)
    parser.add_argument("--others", type=int, default=5_000, help="patterns of tenants that nobody asks")
    parser.add_argument("--rounds", type=int, default=150)
    arguments = parser.parse_args()
    sizes = {name: getattr(arguments, name) for name in ("small", "mid", "large")}
    with (
        tempfile.TemporaryDirectory() as folder,
        open_local(Settings(_env_file=None, data_dir=Path(folder) / "data")) as server,
    ):
        asyncio.run(migrate(server.url()))
        chance = np.random.default_rng(7)
        alone = fill(server.url(), "small", sizes["small"], arguments.rounds, chance)
        settle(server.url())
        before = asyncio.run(times(server.url("motif_service"), alone, arguments.rounds))
        tenants = [alone]
        tenants += [fill(server.url(), name, sizes[name], arguments.rounds, chance) for name in ("mid", "large")]
        fill(server.url(), "others", arguments.others, 1, chance)
        settle(server.url())
        good = asyncio.run(compare(server.url("motif_service"), tenants, before, arguments.rounds))
    sys.exit(not good)


async def compare(url: str, tenants: list[Tenant], before: list[float], rounds: int) -> bool:
    """Print the figures; whether all of them keep to their limits."""
    # A connection for each side: a change of role throws away what a connection has planned.
    member, bypassing = (Database(url, pool_size=1, application="motif-bench") for _ in range(2))
    good = True
    try:
        await member.open()
        await bypassing.open()
        for tenant in tenants:
            with_ms, without_ms, by_index = await paired(member, bypassing, tenant, rounds)
            ratio = statistics.median(a / b for a, b in zip(with_ms, without_ms, strict=True))
            good &= ratio <= LIMITS["ratio"]
            print(
                f"{tenant.name}, {tenant.patterns} patterns, by {'index' if by_index else 'scan'}: with RLS "
                f"{statistics.median(with_ms):.2f} ms, without {statistics.median(without_ms):.2f} ms, "
                f"ratio {ratio:.3f} (limit {LIMITS['ratio']:g})",
                flush=True,
            )
        found = await recall(member, tenants[-1], min(rounds, 50))
        good &= found >= LIMITS["recall"]
        print(f"recall@{TOP} of the index for the large tenant: {found:.3f} (limit {LIMITS['recall']:g})")
    finally:
        await member.close()
        await bypassing.close()
    after = await times(url, tenants[0], rounds)
    print(
        f"the small tenant alone: {statistics.median(before):.2f} ms, "
        f"beside the others: {statistics.median(after):.2f} ms"
    )
    return good


async def paired(
    member: Database, bypassing: Database, tenant: Tenant, rounds: int
) -> tuple[list[float], list[float], bool]:
    """Times with and without in ms, query by query, and whether the index was taken. They take turns to be first."""
    sides = ((member, Role.TEAM_CLIENT, Caller(tenant.user)), (bypassing, Role.SERVICE, None))
    took: dict[Role, list[float]] = {Role.TEAM_CLIENT: [], Role.SERVICE: []}
    by_index = False
    for number in range(-10, rounds):
        answers: list[set[UUID]] = []
        for database, role, caller in sides if number % 2 else reversed(sides):
            ms, rows = await ask(database, role, caller, tenant, number % len(tenant.queries))
            if number >= 0:
                took[role].append(ms)
            answers.append({row["pattern_id"] for row in rows})
            by_index = any(row["by_index"] for row in rows)
        assert by_index or answers[0] == answers[1]
    return took[Role.TEAM_CLIENT], took[Role.SERVICE], by_index


async def times(url: str, tenant: Tenant, rounds: int) -> list[float]:
    """A tenant's matches under RLS, ms each."""
    database = Database(url, pool_size=1, application="motif-bench")
    await database.open()
    try:
        caller = Caller(tenant.user)
        asked = [await ask(database, Role.TEAM_CLIENT, caller, tenant, n) for n in (*range(5), *range(rounds))]
        return [ms for ms, _ in asked[5:]]
    finally:
        await database.close()


async def recall(database: Database, tenant: Tenant, queries: int) -> float:
    """Mean share of the exact TOP nearest that the index finds."""
    shares: list[float] = []
    for number in range(queries):
        nearest: list[set[UUID]] = []
        for exact_limit in (search.EXACT_ROWS, tenant.patterns):
            _, rows = await ask(
                database, Role.TEAM_CLIENT, Caller(tenant.user), tenant, number, exact_limit=exact_limit, words=False
            )
            best = sorted(rows, key=lambda row: -row["cosine"])[:TOP]
            nearest.append({row["pattern_id"] for row in best})
        shares.append(len(nearest[0] & nearest[1]) / TOP)
    return statistics.mean(shares)


async def ask(
    database: Database,
    role: Role,
    caller: Caller | None,
    tenant: Tenant,
    number: int,
    *,
    exact_limit: int = search.EXACT_ROWS,
    words: bool = True,
) -> tuple[float, list[search.Row]]:
    """One match's SQL, its counts and its candidates, as the product asks for them; ms and rows."""
    terms = tenant.asked[number] if words else []
    async with database.transaction(role, caller) as connection:
        active = await search.active_model(connection)
        assert active is not None
        started = time.perf_counter()
        scope = search.Scope(active.id, [tenant.project])
        row = await search.corpus(connection, scope, terms)
        corpus = rank.Corpus(
            row["patterns"], row["mean_name_length"], row["mean_body_length"], row["document_frequency"]
        )
        counts = dict.fromkeys(terms, 1)
        weights = rank.weigh(counts, {}, corpus)
        parameters = candidate_parameters(
            Filters(), tenant.queries[number], corpus, weights, exact_limit, used=row["uses"] > 0
        )
        rows = await search.candidates(connection, scope, parameters)
        return (time.perf_counter() - started) * 1000, rows


def fill(url: str, name: str, patterns: int, queries: int, chance: np.random.Generator) -> Tenant:
    """A project with so many patterns, written past the triggers: what is measured is reading."""
    project, user = uuid4(), uuid4()
    centres = chance.standard_normal((CLUSTERS, DIMENSION), dtype=np.float32)
    points = around(centres, patterns, chance)
    words = (chance.zipf(1.2, (patterns, WORDS)) - 1) % VOCABULARY
    ids = [uuid4() for _ in range(patterns)]
    with psycopg.connect(url) as admin:
        register_vector(admin)
        model = one(admin, "select motif.register_embedding_model('made up', %s)", (DIMENSION,))
        admin.execute("set session_replication_role = replica")
        admin.execute("insert into auth.users (id) values (%s)", (user,))
        admin.execute("insert into projects (id, name, created_by) values (%s, %s, %s)", (project, name, user))
        admin.execute(
            "insert into project_members (project_id, user_id, role) values (%s, %s, 'member')", (project, user)
        )
        copy(
            admin,
            "patterns (id, project_id, name, pattern_type, context_hash, extraction_method, status)",
            [(i, project, str(i), "made_up", str(i), "builtin", "active") for i in ids],
        )
        copy(admin, "pattern_stats (project_id, pattern_id)", [(project, i) for i in ids])
        copy(
            admin,
            "pattern_terms (project_id, term, pattern_id, in_name, in_body)",
            [(project, f"w{w}", i, 0, 1) for i, row in zip(ids, words, strict=True) for w in np.unique(row)],
        )
        admin.execute(f"drop index if exists motif.pattern_embeddings_{model}_near")
        copy(
            admin,
            "pattern_embeddings (model_id, project_id, pattern_id, embedding, pattern_type, status, tags, quality, "
            "length_name, length_body, private_to)",
            [
                (model, project, i, HalfVector(v), "made_up", "active", [], 0.5, 5, WORDS, [])
                for i, v in zip(ids, points, strict=True)
            ],
        )
    picked = chance.integers(0, patterns, queries)
    noise = around(points[picked], queries, chance, spread=0.02, one_each=True)
    asked = [[f"w{w}" for w in np.unique(words[n])[-ASKED:]] for n in picked]
    return Tenant(name, project, user, patterns, noise, asked)


def around(
    centres: Vectors, points: int, chance: np.random.Generator, *, spread: float = 0.06, one_each: bool = False
) -> Vectors:
    """Unit vectors around centres, at random or one around each."""
    centres = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    chosen = centres if one_each else centres[chance.integers(0, len(centres), points)]
    moved = chosen + np.float32(spread) * chance.standard_normal((points, DIMENSION), dtype=np.float32)
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def settle(url: str) -> None:
    """The index of the vectors at once, and what autovacuum would have done by the time anybody looks."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("set maintenance_work_mem = '512MB'")
        admin.execute("select motif.index_embeddings(id) from embedding_models where id > 0")
        admin.execute("vacuum analyze")


def copy(admin: psycopg.Connection, target: str, rows: list[tuple[Any, ...]]) -> None:
    with admin.cursor() as cursor, cursor.copy(f"copy public.{target} from stdin") as into:  # type: ignore[arg-type]
        for row in rows:
            into.write_row(row)


def one(admin: psycopg.Connection, query: str, parameters: tuple[object, ...]) -> Any:
    row = admin.execute(query, parameters).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row[0]


if __name__ == "__main__":
    main()

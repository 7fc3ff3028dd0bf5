"""`motif erase`, `motif retention run` and `motif db scrub`, as they are typed."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess, run

import pytest
from erasable import CANARY, Shop
from mined import MOTIF, refusal

from service.storage.database import Database

Command = Callable[..., CompletedProcess[str]]


@pytest.fixture
async def shop(database: Database, database_url: str, tmp_path: Path) -> Shop:
    return await Shop.open(database, database_url, tmp_path)


def test_each_erasure_says_first_what_will_go_and_then_what_went(shop: Shop, motif: Command):
    project = str(shop.project)
    asked = motif("erase", "source", project, f"{CANARY}-history", stdin="n\n")
    assert asked.returncode == 1
    assert "12 interactions, 1 patterns, 1 patterns rewritten" in asked.stderr
    assert "Nothing was erased" in asked.stderr
    done = motif("erase", "source", project, f"{CANARY}-history", stdin="y\n")
    assert done.returncode == 0, done.stderr
    assert "12 interactions" in done.stdout
    assert "Not reached" in done.stdout
    receipt = json.loads(motif("erase", "pattern", f"Import {CANARY} twice", "--yes", "--json").stdout)
    assert receipt["removed"]["patterns"] == 1
    receipt = json.loads(motif("erase", "person", project, str(shop.member.user_id), "--yes", "--json").stdout)
    assert receipt["removed"]["project_members"] == 1
    receipt = json.loads(motif("erase", "project", project, "--yes", "--json").stdout)
    assert receipt["removed"]["projects"] == 1
    assert shop.tables_with(CANARY) == set()


def test_what_is_not_there_is_said_in_a_line(shop: Shop, motif: Command):
    assert "no source" in refusal(motif("erase", "source", str(shop.project), "nowhere", "--yes"))
    assert "no project" in refusal(motif("erase", "project", "nowhere", "--yes"))
    assert "not Motif's to rewrite" in refusal(motif("db", "scrub"))


def test_retention_is_run_by_hand(shop: Shop, motif: Command):
    assert "Nothing is over its time" in motif("retention", "run").stdout
    shop.run("update sources set retention_days = 1 where id = %s", shop.sources[f"{CANARY}-history"])
    shop.run("update interactions set created_at = now() - interval '2 days'")
    assert "12 interactions were over their time" in motif("retention", "run").stdout


def test_an_embedded_database_is_rewritten_at_once(data_dir: Path):
    own = {**os.environ, "MOTIF_DATA_DIR": str(data_dir), "MOTIF_EMBEDDING_MODEL": "none"}

    def motif(*arguments: str) -> None:
        ran = run([*MOTIF, *arguments], env=own, capture_output=True, encoding="utf-8", check=False)
        assert ran.returncode == 0, ran.stderr

    def files_with_the_word() -> list[Path]:
        return [f for f in data_dir.rglob("*") if f.is_file() and CANARY.encode() in f.read_bytes()]

    motif("projects", "create", CANARY)
    assert files_with_the_word()
    motif("erase", "project", CANARY, "--yes")
    assert files_with_the_word() == []
    motif("db", "scrub")

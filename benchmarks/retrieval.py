"""Finding duplicates: the product's own match against plain BM25, on labelled bug reports.

    python benchmarks/retrieval.py REPORTS.csv PAIRS.csv [--queries full|summary]

REPORTS.csv has the columns Summary, Description and Issue id; PAIRS.csv has Issue id and Duplicate id. Each report is
imported with `motif patterns import` (name = summary, description = description) into an empty data folder; a query is
another report's text, itself left out of the answer. Prints hit@10 and MRR@10 of both sides and the gain with a paired
bootstrap interval (10,000 resamples, 95 %).
"""

import argparse
import asyncio
import csv
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Container, Iterable
from pathlib import Path

import numpy as np

from service.matching.embed import open_embedder
from service.matching.request import MatchRequest, MatchResponse
from service.matching.search import match
from service.settings import Settings
from service.storage.connect import caller_of, open_database

MOTIF = [sys.executable, "-c", "from service.cli.main import main; main()"]
TOP = 10


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("reports", type=Path)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--queries", choices=["full", "summary"], default="full")
    arguments = parser.parse_args()
    csv.field_size_limit(sys.maxsize)
    with arguments.reports.open(newline="", encoding="utf-8") as file:
        reports = {row["Issue id"]: row for row in csv.DictReader(file)}
    with arguments.pairs.open(newline="", encoding="utf-8") as file:
        relevant = duplicates(csv.DictReader(file), reports)
    texts = {key: text_of(row, arguments.queries) for key, row in reports.items()}

    with tempfile.TemporaryDirectory() as folder:
        found, times_ms = by_motif(Path(folder), reports, texts, relevant)
    ours = scores(found, relevant)
    plain = scores(by_bm25(reports, texts, relevant), relevant)
    print(f"{len(reports)} reports, {len(relevant)} queries ({arguments.queries})")
    for number, name in enumerate(("hit@10", "MRR@10")):
        low, high = gain(ours[:, number] - plain[:, number])
        print(
            f"{name}: match {ours[:, number].mean():.3f}, plain BM25 {plain[:, number].mean():.3f}, "
            f"gain {(ours - plain)[:, number].mean():+.3f} [{low:+.3f}, {high:+.3f}]"
        )
    print(f"one match: median {statistics.median(times_ms):.1f} ms")


def text_of(row: dict[str, str], queries: str) -> str:
    return row["Summary"] if queries == "summary" else f"{row['Summary']}\n{row['Description']}"


def by_motif(
    folder: Path, reports: dict[str, dict[str, str]], texts: dict[str, str], relevant: dict[str, set[str]]
) -> tuple[dict[str, list[str]], list[float]]:
    """The ten best other reports for each query, by the product, and how long each match took."""
    lines = folder / "reports.jsonl"
    records = [{"name": row["Summary"], "description": row["Description"]} for row in reports.values()]
    lines.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    environment = {**os.environ, "MOTIF_DATA_DIR": str(folder / "data")}
    command = [*MOTIF, "patterns", "import", str(lines), "--json"]
    imported = json.loads(subprocess.check_output(command, env=environment))
    report_of = {result["pattern_id"]: key for result, key in zip(imported, reports, strict=True)}
    answers = asyncio.run(ask(folder / "data", {key: texts[key] for key in relevant}))
    found = {
        key: [other for m in answer.matched_patterns if (other := report_of[str(m.pattern_id)]) != key][:TOP]
        for key, answer in answers.items()
    }
    return found, [answer.query_metadata.query_time_ms["total"] for answer in answers.values()]


async def ask(data: Path, texts: dict[str, str]) -> dict[str, MatchResponse]:
    """The product's answer to each text."""
    settings = Settings(_env_file=None, data_dir=data)
    embedder = open_embedder(settings)
    database = await open_database(settings)
    try:
        caller = await caller_of(settings, database)
        return {
            key: await match(database, caller, embedder, MatchRequest(intent=text, limit=TOP + 1))
            for key, text in texts.items()
        }
    finally:
        await database.close()


def duplicates(rows: Iterable[dict[str, str]], reports: Container[str]) -> dict[str, set[str]]:
    """For each report that has one, its duplicates among the reports; a pair counts both ways."""
    found: dict[str, set[str]] = {}
    for row in rows:
        for other in re.split(r"\s*,\s*", row["Duplicate id"]):
            if row["Issue id"] in reports and other in reports:
                found.setdefault(row["Issue id"], set()).add(other)
                found.setdefault(other, set()).add(row["Issue id"])
    return found


def by_bm25(
    reports: dict[str, dict[str, str]], texts: dict[str, str], relevant: dict[str, set[str]]
) -> dict[str, list[str]]:
    """The ten best other reports by plain BM25: lower-cased words, k1 1.2, b .75, each word of the query once."""
    words = {key: Counter(re.findall(r"\w+", text_of(row, "full").lower())) for key, row in reports.items()}
    mean = statistics.fmean(count.total() for count in words.values())
    holders = Counter(word for count in words.values() for word in count)
    rarity = {w: math.log1p((len(words) - n + 0.5) / (n + 0.5)) for w, n in holders.items()}
    found: dict[str, list[str]] = {}
    for query in relevant:
        asked = set(re.findall(r"\w+", texts[query].lower()))
        scored: list[tuple[float, str]] = []
        for key, count in words.items():
            norm = 1.2 * (0.25 + 0.75 * count.total() / mean)
            score = sum(rarity[w] * count[w] * 2.2 / (count[w] + norm) for w in asked & count.keys())
            scored.append((-score, key))
        found[query] = [key for _, key in sorted(scored) if key != query][:TOP]
    return found


def scores(found: dict[str, list[str]], relevant: dict[str, set[str]]) -> np.ndarray:
    """(queries, 2): hit@10 and reciprocal rank within the ten, in the order of `relevant`."""
    rows: list[tuple[float, float]] = []
    for query, wanted in relevant.items():
        rank = next((n for n, key in enumerate(found[query], start=1) if key in wanted), 0)
        rows.append((float(rank > 0), 1 / rank if rank else 0.0))
    return np.array(rows)


def gain(differences: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean difference, by resampling queries."""
    chance = np.random.default_rng(20261120)
    means = differences[chance.integers(0, len(differences), (10_000, len(differences)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    main()

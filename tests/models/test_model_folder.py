"""Exporting a model of one's own: once, whole, by one process, and again when it changed."""

import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from safetensors.numpy import load_file, save_file

from service.errors import DataFolderUnwritable, EmbeddingError, EmbeddingUnavailable
from service.matching.embed import LocalEmbedder, open_embedder
from service.settings import Settings

_METADATA = {"format": "pt"}
TEXTS = ["retry the lock", "b", "a longer text than the thirty two tokens that it reads at most, by far"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "small"
    script = Path(__file__).with_name("small_model.py")
    subprocess.run([sys.executable, str(script), str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def settings(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), embedding_model=str(model))


@pytest.fixture(scope="module")
def exported(settings: Settings) -> LocalEmbedder:
    return opened(settings)


def opened(settings: Settings, told: list[str] | None = None) -> LocalEmbedder:
    embedder = open_embedder(settings, on_export=None if told is None else told.append)
    assert embedder is not None
    return embedder


def final_folder(settings: Settings) -> Path:
    (folder,) = (settings.data_dir / "models").glob("small-*")
    return folder


def test_a_model_of_ones_own_is_named_by_what_it_is_not_where_it_lies(exported: LocalEmbedder) -> None:
    assert exported.model_id == f"small@{exported.fingerprint[:12]}"
    assert exported.embed(TEXTS).shape == (3, 32)
    assert np.linalg.norm(exported.embed(TEXTS), axis=1) == pytest.approx(np.ones(3))


def test_it_is_exported_once_and_nothing_else_is_left(exported: LocalEmbedder, settings: Settings) -> None:
    told: list[str] = []
    assert np.array_equal(opened(settings, told).embed(TEXTS), exported.embed(TEXTS))
    assert told == []
    assert sorted(path.name for path in final_folder(settings).iterdir()) == [
        "manifest.json",
        "model.onnx",
        "tokenizer.json",
    ]


def test_it_is_served_after_its_source_is_gone(exported: LocalEmbedder, settings: Settings, model: Path) -> None:
    hidden = model.rename(model.with_name("elsewhere"))
    try:
        assert opened(settings).fingerprint == exported.fingerprint
    finally:
        hidden.rename(model)


def test_two_at_once_make_one_export_and_clear_what_a_killed_one_left(
    exported: LocalEmbedder, settings: Settings, tmp_path: Path
) -> None:
    own = settings.model_copy(update={"data_dir": tmp_path})
    left = tmp_path / "models" / f".{final_folder(settings).name}.tmp-1"
    left.mkdir(parents=True)
    (left / "exact.onnx").write_bytes(b"half")
    told: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: opened(own, told), range(2))
    assert len([line for line in told if line.startswith("Exporting")]) == 1
    assert not left.exists()
    assert first.model_id == second.model_id == exported.model_id
    assert np.array_equal(first.embed(TEXTS), exported.embed(TEXTS))


def test_who_has_to_wait_is_told_and_takes_what_the_other_made(
    exported: LocalEmbedder, settings: Settings, tmp_path: Path
) -> None:
    own = settings.model_copy(update={"data_dir": tmp_path})
    made = final_folder(settings)
    (tmp_path / "models").mkdir()
    told: list[str] = []
    waiting = threading.Event()

    def tell(line: str) -> None:
        told.append(line)
        waiting.set()

    with ThreadPoolExecutor(1) as pool:
        with FileLock(tmp_path / "models" / f".{made.name}.lock"):
            asked = pool.submit(open_embedder, own, on_export=tell)
            assert waiting.wait(60)
            shutil.copytree(made, tmp_path / "models" / made.name)
        embedder = asked.result()
    assert embedder is not None
    assert embedder.fingerprint == exported.fingerprint
    assert told == [f"Another process is exporting the embedding model {settings.embedding_model}; waiting for it."]


def test_a_cut_off_file_is_exported_again(exported: LocalEmbedder, settings: Settings) -> None:
    file = final_folder(settings) / "model.onnx"
    file.write_bytes(file.read_bytes()[:1000])
    told: list[str] = []
    assert np.array_equal(opened(settings, told).embed(TEXTS), exported.embed(TEXTS))
    assert told


def test_a_damaged_file_is_an_error_that_says_what_to_remove(exported: LocalEmbedder, settings: Settings) -> None:
    file = final_folder(settings) / "model.onnx"
    whole = file.read_bytes()
    file.write_bytes(b"\xff" * len(whole))
    try:
        with pytest.raises(EmbeddingError, match="cannot be loaded") as caught:
            opened(settings)
        assert str(file.parent) in caught.value.fix
    finally:
        file.write_bytes(whole)


def test_a_changed_model_is_exported_again_and_has_another_name(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    shutil.copytree(model, folder)
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", embedding_model=str(folder))
    before = opened(settings)
    weights = load_file(folder / "model.safetensors")
    save_file({name: np.flip(weight) for name, weight in weights.items()}, folder / "model.safetensors", _METADATA)
    after = opened(settings)
    assert after.model_id != before.model_id
    assert not np.allclose(after.embed(TEXTS), before.embed(TEXTS), atol=0.01)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", embedding_model=str(tmp_path))
    with pytest.raises(EmbeddingUnavailable, match="is not a sentence-transformers model") as caught:
        opened(settings)
    assert "MOTIF_EMBEDDING_MODEL" in caught.value.fix


def test_a_published_model_that_cannot_be_had_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    settings = Settings(_env_file=None, data_dir=tmp_path, embedding_model="motif-tests/no-such-model")
    with pytest.raises(EmbeddingUnavailable, match="cannot be downloaded") as caught:
        opened(settings)
    assert "folder" in caught.value.fix


def test_a_data_folder_that_cannot_hold_it_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(DataFolderUnwritable, match="cannot be kept") as caught:
        opened(settings.model_copy(update={"data_dir": tmp_path}))
    assert "MOTIF_DATA_DIR" in caught.value.fix

"""Texts to vectors with ONNX Runtime. Never imports torch: a model's one-off export runs in a process of its own."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import EmbeddingError, EmbeddingUnavailable
from service.matching.embedder import Embedded
from service.matching.model_folder import Manifest, ensure_exported
from service.settings import Settings
from service.storage.permission import Origin

Vectors = NDArray[np.float32]

# Longer texts are cut before the tokenizer sees them: it reads all of a megabyte to keep 256 tokens of it.
_CHARS_PER_TOKEN = 64


class LocalEmbedder:
    """One exported model in memory. Any number of threads may call it at once.

    Each text is run by itself, on its own ids: the same text gives the same bits whatever else is in the call.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, *, threads_per_text: int = 1, workers: int | None = None
    ) -> None:
        self._manifest = manifest
        self._workers = workers or max(1, _cores() // threads_per_text)
        self._pool: ThreadPoolExecutor | None = None
        self._pool_lock = threading.Lock()
        self._tokenizer, self._session = _load(folder, manifest, threads_per_text)

    @property
    def model_id(self) -> str:
        """The model's name; for a model from a folder its name and the start of its fingerprint."""
        return self._manifest.model_id

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._manifest.dimension

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides the vectors: weights, tokenizer, pooling, longest text, precision."""
        return self._manifest.fingerprint

    @property
    def at_vendor(self) -> bool:
        """No text leaves this process."""
        return False

    async def vectors_of(
        self, texts: Sequence[str], origins: Sequence[Origin], *, wait_s: float | None = None
    ) -> Embedded:
        """As Embedder.vectors_of; whose words they are does not matter here."""
        return Embedded(list(await asyncio.to_thread(self.embed, texts)))

    def embed(self, texts: Sequence[str], progress: Callable[[int], object] | None = None) -> Vectors:
        """Vectors of length 1, one row a text, in order: float32 of shape (len(texts), dimension).

        One text runs in the caller's thread, more of them on all cores. `progress` gets the number done so far, in
        the caller's thread. A text over the model's longest input is cut; an empty one has a vector too.
        """
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for done, vector in enumerate(self._each(texts), start=1):
            vectors[done - 1] = vector
            if progress is not None:
                progress(done)
        return vectors

    def close(self) -> None:
        """End the threads, if there are any; the embedder still works afterwards."""
        with self._pool_lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True)

    def _each(self, texts: Sequence[str]) -> Iterator[Vectors]:
        if len(texts) < 2 or self._workers == 1:
            return map(self._one, texts)
        with self._pool_lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="embed")
            return self._pool.map(self._one, texts)

    def _one(self, text: str) -> Vectors:
        cut = self._manifest.max_tokens * _CHARS_PER_TOKEN
        # A lone surrogate cannot be handed to the tokenizer.
        clean = (self._manifest.prefix + text[:cut]).encode("utf-8", "replace").decode("utf-8")
        ids = self._tokenizer.encode(clean).ids
        if not ids:  # a tokenizer without special tokens, and nothing in the text
            return np.zeros(self.dimension, dtype=np.float32)
        return self._session.run(None, {"input_ids": np.array([ids], dtype=np.int64)})[0][0]


def open_embedder(
    settings: Settings, *, on_export: Callable[[str], object] | None = None, workers: int | None = None
) -> LocalEmbedder | None:
    """The embedder that the settings name, exported first if it never was; None if they say `none`.

    `on_export` gets a line to show before anything slow (the export, about 20 s; another process doing it).
    `workers`: texts embedded at once, all cores by default. Raises EmbeddingUnavailable if the model, or what runs it,
    is missing, DataFolderUnwritable if the export cannot be kept, and EmbeddingError if what is there is damaged.
    """
    if settings.embedding_model.strip().lower() in {"", "none"}:
        return None
    folder, manifest = ensure_exported(settings.data_dir, settings.embedding_model.strip(), on_export)
    return LocalEmbedder(folder, manifest, threads_per_text=settings.embedding_threads, workers=workers)


def _load(folder: Path, manifest: Manifest, threads: int) -> tuple[Any, Any]:
    try:
        onnxruntime: Any = import_module("onnxruntime")
        tokenizers: Any = import_module("tokenizers")
    except ImportError as error:
        raise EmbeddingUnavailable(
            f"{error.name or 'onnxruntime'}, which runs the embedding model, is not installed.",
            fix="Install it with: pip install '.[local]' in Motif's folder, or set MOTIF_EMBEDDING_MODEL=none.",
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Lengths differ from text to text: plans kept for each length, and an arena for the longest, only hold memory.
    options.enable_mem_pattern = False
    # Spinning between operators burns the core that another request needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"),
            options,
            providers=["CPUExecutionProvider"],
            # The fused operator is slower than its two parts: .4 against .15 ms of a query's 2.6.
            disabled_optimizers=["SkipLayerNormFusion"],
        )
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise EmbeddingError(
            f"The exported model of {manifest.model} cannot be loaded: {reason}",
            fix=f"Remove the folder {folder}; it is made again when it is needed.",
        ) from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(manifest.max_tokens)
    return tokenizer, session


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS; in a container it is what we may use, not what there is
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""Where exported models lie: `<data_dir>/models/<slug>/`, each whole or not there at all."""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from importlib.util import find_spec
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from service.errors import DataFolderUnwritable, EmbeddingUnavailable
from service.matching import export

_CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from service.matching.export import main
sys.exit(main(sys.argv[2:]))
"""
_EXPORT_NEEDS = ("torch", "sentence_transformers", "onnx", "onnxscript", "onnxruntime", "tokenizers")


class Manifest(msgspec.Struct, frozen=True):
    """What an exported folder says of itself; written by export.py."""

    format: int
    model: str
    source: str
    dimension: int
    max_tokens: int
    prefix: str
    model_bytes: int
    precision: str
    fingerprint: str

    @property
    def model_id(self) -> str:
        """Name stored beside every vector. A folder's path differs between machines, so its content names it."""
        if not self.source:
            return self.model
        return f"{Path(self.model).name}@{self.fingerprint[:12]}"


class _Failure(msgspec.Struct):
    error: str
    fix: str = ""


def ensure_exported(data_dir: Path, model: str, notify: Callable[[str], object] | None = None) -> tuple[Path, Manifest]:
    """The model's exported folder, made now if it is missing, of another format, or older than the model's own files.

    Several processes may ask at once: one exports, the others wait and then read. Raises EmbeddingUnavailable and
    DataFolderUnwritable.
    """
    tell = notify or _nobody
    name = export.known_as(model)
    folder = data_dir.expanduser().absolute() / "models" / _slug(name)
    if (manifest := _usable(folder, name)) is not None:
        return folder, manifest
    missing = missing_for_export()
    if missing:
        raise EmbeddingUnavailable(
            f"The embedding model {name} is not exported yet, and {missing[0]}, which that needs, is not installed.",
            fix="Install it with: pip install '.[local]' in Motif's folder, or set MOTIF_EMBEDDING_MODEL=none.",
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(folder, name, tell):
            if (manifest := _usable(folder, name)) is None:
                tell(f"Exporting the embedding model {name} once; this takes about 20 s.")
                _export(name, folder)
                manifest = _usable(folder, name)
    except OSError as error:
        raise DataFolderUnwritable(
            f"The exported model cannot be kept in {folder.parent}: {error.strerror or error}.",
            fix="Set MOTIF_DATA_DIR to a folder that can be written and has 200 MB free.",
        ) from error
    if manifest is None:
        raise EmbeddingUnavailable(
            f"The exported model in {folder} does not read back.", fix="Remove the folder and try again."
        )
    return folder, manifest


def exported(data_dir: Path, model: str) -> Manifest | None:
    """What lies there ready for use, or None; exports nothing."""
    name = export.known_as(model)
    return _usable(data_dir.expanduser().absolute() / "models" / _slug(name), name)


def missing_for_export() -> list[str]:
    """The modules that exporting a model needs and that are not installed."""
    return [needed for needed in _EXPORT_NEEDS if find_spec(needed) is None]


def _usable(folder: Path, name: str) -> Manifest | None:
    """The manifest, if the folder holds this model in today's format and its source has not changed since."""
    try:
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
        complete = (folder / "model.onnx").stat().st_size == manifest.model_bytes and (
            folder / "tokenizer.json"
        ).is_file()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not complete or manifest.format != export.FORMAT or manifest.model != name:
        return None
    # A source folder that is gone leaves its export in use; one that changed is exported again.
    stamp = export.source_stamp(name) if manifest.source else ""
    return None if stamp and stamp != manifest.source else manifest


@contextlib.contextmanager
def _one_at_a_time(folder: Path, name: str, tell: Callable[[str], object]) -> Generator[None]:
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        tell(f"Another process is exporting the embedding model {name}; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _export(name: str, folder: Path) -> None:
    """Run export.py into a folder beside the final one, then put it in place with one rename. Holds the lock."""
    for left in folder.parent.glob(f".{folder.name}.tmp-*"):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    temporary = folder.with_name(f".{folder.name}.tmp-{os.getpid()}")
    temporary.mkdir()
    try:
        # Where Motif lies is told, and nothing else: with -P no file of the current folder is taken for a library's.
        command = [sys.executable, "-P", "-c", _CHILD, str(Path(__file__).resolve().parents[2]), name, str(temporary)]
        ran = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        if ran.returncode != 0:
            raise _unavailable(name, ran)
        for file in temporary.iterdir():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _unavailable(name: str, ran: subprocess.CompletedProcess[bytes]) -> EmbeddingUnavailable:
    if ran.returncode == export.FAILED:
        with contextlib.suppress(msgspec.DecodeError):
            failure = msgspec.json.decode(ran.stdout, type=_Failure)
            return EmbeddingUnavailable(failure.error, fix=failure.fix)
    last = ran.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no message"]
    return EmbeddingUnavailable(
        f"Exporting {name} ended with code {ran.returncode}: {last[0]}",
        fix="Free memory (about 1 GB is needed) and try again, or set MOTIF_EMBEDDING_MODEL=none.",
    )


def _slug(name: str) -> str:
    """A folder name for any model name, without collisions: its last part for the reader, a hash for the machine."""
    path = str(Path(name).expanduser().absolute()) if export.is_folder(name) else name
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(path).name).strip(".-")[:60] or "model"
    return f"{readable}-{hashlib.sha256(path.encode()).hexdigest()[:8]}"


def _nobody(_: str) -> None:
    return None

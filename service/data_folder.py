"""The data folder of one installation: made, stamped with its layout's version, and refused if it cannot be used."""

import os
import tempfile
from pathlib import Path

import msgspec

from service import __version__
from service.errors import DataFolderError, DataFolderTooNew, DataFolderUnwritable

LAYOUT = 1
STAMP = "motif-data.json"


class _Stamp(msgspec.Struct, frozen=True):
    layout: int
    created_by: str = "unknown"


def open_data_folder(path: Path) -> Path:
    """Make the folder if it is missing and check that this Motif may use it; returns its real path.

    Raises DataFolderUnwritable, DataFolderTooNew, or DataFolderError for a stamp that cannot be read.
    """
    try:
        folder = path.expanduser().absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = folder.resolve()
        # Permission bits say little (root, read-only mounts, a full disk), so a file is really made.
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"motif")
        stamp = folder / STAMP
        if not stamp.exists():
            made = _Stamp(layout=LAYOUT, created_by=__version__)
            write_whole(stamp, msgspec.json.encode(made) + b"\n")
        _check(stamp)
    except (OSError, RuntimeError) as error:  # RuntimeError: a home folder that cannot be found
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataFolderUnwritable(
            f"The data folder {path} cannot be used: {reason}.",
            fix="Set MOTIF_DATA_DIR to a folder that can be created and written.",
        ) from error
    return folder


def write_whole(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file whole or not at all: a reader, or a crash, never finds half of it. OSError if it cannot be."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        owner = path.parent.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:  # root at work in someone's folder: leave it usable for them
            os.chown(temporary, owner.st_uid, owner.st_gid)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _check(stamp: Path) -> None:
    try:
        found = msgspec.json.decode(stamp.read_bytes(), type=_Stamp)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataFolderError(
            f"{stamp} cannot be read: {error}.",
            fix=f'If the folder is Motif\'s, write {{"layout": {LAYOUT}, "created_by": "unknown"}} into it; '
            "else set MOTIF_DATA_DIR to another folder.",
        ) from error
    if found.layout > LAYOUT:
        raise DataFolderTooNew(
            f"The data folder {stamp.parent} has layout {found.layout} (made by Motif {found.created_by}); "
            f"this Motif knows up to {LAYOUT}.",
            fix="Update Motif, or set MOTIF_DATA_DIR to another folder.",
        )

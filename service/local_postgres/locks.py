"""Kernel locks on files. The kernel frees them however a process ends, so nothing here can go stale; no pid is kept."""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from service.errors import DatabaseUnavailable

# Longer than a first start with initdb and a crash recovery on a slow disk.
_MUTEX_TIMEOUT_S = 180.0
_POLL_S = 0.02


def open_lock_file(path: Path) -> int:
    """A descriptor to lock. Each call makes its own: two of one process exclude each other like those of two."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags)
    if os.geteuid() == 0:  # root at work in someone's folder: leave it usable for them
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def lock_shared(descriptor: int) -> None:
    """Take part. Waits while someone holds it exclusively; a part that is held already is kept."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def try_lock_exclusive(descriptor: int) -> bool:
    """Hold it alone if nobody else has part in it. If refused, a part that was held may be lost."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def mutex(path: Path) -> Generator[None]:
    """One holder at a time on this machine; DatabaseUnavailable if it is not to be had within three minutes."""
    descriptor = open_lock_file(path)
    try:
        deadline = time.monotonic() + _MUTEX_TIMEOUT_S
        while not try_lock_exclusive(descriptor):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"Another process has been starting or stopping the database for {_MUTEX_TIMEOUT_S:.0f} s.",
                    fix=f"End the process that holds {path}, then try again.",
                )
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)

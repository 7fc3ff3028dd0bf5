"""Whose the server is. Postgres refuses to run as root, so for root it runs as a system user of its own."""

import os
import pwd
import stat
import subprocess
from pathlib import Path

import msgspec

from service.errors import ConfigurationError, DatabaseUnavailable, DataFolderUnwritable

SYSTEM_USER = "motif-postgres"


class Owner(msgspec.Struct, frozen=True):
    """A user of the system that root runs the server as."""

    name: str
    uid: int
    gid: int


def owner_of_server(root: Path) -> Owner | None:
    """Who root is to run the server as; None if we are not root.

    It is whoever owns the server's folder, or else the data folder; if that is root, the system user
    `motif-postgres`, made if it is missing.
    Raises ConfigurationError if it cannot be made.
    """
    if os.geteuid() != 0:
        return None
    uid = (root if root.exists() else root.parent).stat().st_uid
    if uid == 0:
        return _system_user()
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        raise ConfigurationError(
            f"{root} belongs to user id {uid}, which this system does not know.",
            fix=f"Give it to a user that exists: chown -R {SYSTEM_USER} {root}.",
        ) from None
    return Owner(found.pw_name, found.pw_uid, found.pw_gid)


def make_private_folder(folder: Path, owner: Owner | None) -> Path:
    """Make a folder that only the server's owner enters, or check that it is one.

    Raises DatabaseUnavailable if someone else made it, DataFolderUnwritable if it cannot be made.
    """
    uid = owner.uid if owner else os.geteuid()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if owner and found.st_uid == 0 and stat.S_ISDIR(found.st_mode):
            os.chown(folder, owner.uid, owner.gid, follow_symlinks=False)
            found = folder.lstat()
    except OSError as error:
        raise DataFolderUnwritable(
            f"{folder} cannot be made: {error.strerror}.", fix="Set MOTIF_DATA_DIR to a folder that can be written."
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
        raise DatabaseUnavailable(
            f"{folder} is not a private folder of the database's user.",
            fix=f"See who made it; remove it, or: chmod 700 {folder} and chown it to user id {uid}.",
        )
    return folder


def let_reach(owner: Owner, folder: Path) -> None:
    """Let the server's owner pass through the parents of a folder: adds `o+x`, nothing else, where it is missing."""
    for parent in folder.parents:
        found = parent.stat()
        passes = found.st_mode & (stat.S_IXUSR if found.st_uid == owner.uid else stat.S_IXOTH)
        if not passes:
            parent.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)


def _system_user() -> Owner:
    try:
        found = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent"]
        command += ["--shell", "/usr/sbin/nologin", "--user-group", SYSTEM_USER]
        try:
            made = subprocess.run(command, capture_output=True, text=True, check=False)
            reason = made.stderr.strip()
        except OSError as error:
            reason = f"useradd: {error.strerror}"
        try:
            found = pwd.getpwnam(SYSTEM_USER)  # another process may have made it in the meantime
        except KeyError:
            raise ConfigurationError(
                f"Postgres does not run as root, and the system user {SYSTEM_USER} cannot be made: {reason}.",
                fix="Run Motif as an ordinary user, or make that user first.",
            ) from None
    return Owner(found.pw_name, found.pw_uid, found.pw_gid)

"""Where the embedded Postgres lies in the data folder, and where its socket does."""

import hashlib
import os
import tempfile
from pathlib import Path

import msgspec

from service.errors import ConfigurationError, DataFolderError
from service.local_postgres.owner import Owner, make_private_folder, owner_of_server

# The kernel takes 107 bytes on Linux, 103 on macOS, for the folder and the name of the socket in it.
_SOCKET_PATH_BYTES = 100
_LONGEST_SOCKET_NAME = "/.s.PGSQL.65535"


class Layout(msgspec.Struct, frozen=True):
    """The embedded Postgres of one data folder: its paths, and who it runs as (None: the current user)."""

    folder: Path
    owner: Owner | None

    @property
    def root(self) -> Path:
        """Holds everything of the server; nobody but its owner enters."""
        return self.folder / "postgres"

    @property
    def data(self) -> Path:
        """What Postgres calls the data directory."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """What the server has to say."""
        return self.root / "server.log"

    @property
    def start_lock(self) -> Path:
        """Held while the server is started or stopped."""
        return self.root / "start.lock"

    @property
    def users_lock(self) -> Path:
        """Shared by every process that uses the server."""
        return self.root / "users.lock"

    @property
    def server_lock(self) -> Path:
        """Held by the processes of the server itself, as long as one of them lives."""
        return self.root / "server.lock"

    @property
    def password_file(self) -> Path:
        """The password over TCP, of the roles `postgres` and `authenticator`."""
        return self.folder / "postgres-password"

    @property
    def version(self) -> int | None:
        """Major version that made the data, or None if there is none yet. DataFolderError if it cannot be read."""
        try:
            return int((self.data / "PG_VERSION").read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise DataFolderError(
                f"{self.data / 'PG_VERSION'} cannot be read: {error}.",
                fix="Restore the data folder from a backup, or set MOTIF_DATA_DIR to another one.",
            ) from error

    def socket_folder(self) -> Path:
        """A private folder for the socket, made if need be: in the data folder, or a short one of the system's.

        The second is for paths that are too long for a socket or hold a comma, which parts hosts in a URL.
        """
        inside = self.root / "run"
        if _fits(inside):
            return make_private_folder(inside, self.owner)
        name = "motif-" + hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - private, its owner is checked
            if _fits(parent / name):
                return make_private_folder(parent / name, self.owner)
        raise ConfigurationError(
            f"The path of the data folder {self.folder} is too long for a socket.",
            fix="Set MOTIF_DATA_DIR to a shorter one.",
        )


def lay_out(folder: Path) -> Layout:
    """The layout in a data folder that was opened before; makes the folder of the server."""
    root = folder / "postgres"
    owner = owner_of_server(root)
    make_private_folder(root, owner)
    return Layout(folder=folder, owner=owner)


def _fits(folder: Path) -> bool:
    return "," not in str(folder) and len(os.fsencode(f"{folder}{_LONGEST_SOCKET_NAME}")) <= _SOCKET_PATH_BYTES

"""A process of its own that uses the embedded Postgres: says where it is, then stays until its input ends.

python local_postgres_user.py DATA_DIR [UID]: as root, UID is whom to become first. Not a test by itself.
"""

import os
import sys
from pathlib import Path

from service.errors import MotifError
from service.local_postgres.server import open_local
from service.settings import Settings


def main() -> None:
    data_dir, *user = sys.argv[1:]
    if user:
        os.setgroups([])
        os.setgid(int(user[0]))
        os.setuid(int(user[0]))
    try:
        server = open_local(Settings(_env_file=None, data_dir=Path(data_dir)))
    except MotifError as error:
        sys.exit(f"{error.code}: {error}")
    sys.stdout.write(server.url() + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.close()


main()

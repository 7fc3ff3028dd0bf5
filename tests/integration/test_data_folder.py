"""Data folders that cannot be used: one plain line with what to do, and nothing half-written."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from service import __version__
from service.data_folder import LAYOUT, STAMP, open_data_folder, write_whole
from service.errors import DatabaseUnavailable, DataFolderError, DataFolderTooNew, DataFolderUnwritable
from service.local_postgres.server import open_local
from service.settings import Settings

ROOT = Path(__file__).parents[2]


def test_a_new_folder_is_made_with_its_parents_and_stamped(data_dir: Path) -> None:
    folder = open_data_folder(data_dir / "deep" / "down")
    assert (folder / STAMP).read_text() == f'{{"layout":{LAYOUT},"created_by":"{__version__}"}}\n'
    assert open_data_folder(data_dir / "deep" / "down") == folder


def test_a_folder_of_a_newer_motif_is_refused_and_left_alone(data_dir: Path) -> None:
    data_dir.mkdir()
    newer = f'{{"layout":{LAYOUT + 1},"created_by":"9.9.9","more":true}}'
    (data_dir / STAMP).write_text(newer)
    with pytest.raises(DataFolderTooNew, match=r"9\.9\.9.*Update Motif"):
        open_local(Settings(_env_file=None, data_dir=data_dir))
    assert [path.name for path in data_dir.iterdir()] == [STAMP]
    assert (data_dir / STAMP).read_text() == newer


@pytest.mark.parametrize("stamp", ["", "not json", '{"layout":"one"}', "[]"])
def test_a_stamp_that_cannot_be_read_is_said_to_be(data_dir: Path, stamp: str) -> None:
    data_dir.mkdir()
    (data_dir / STAMP).write_text(stamp)
    with pytest.raises(DataFolderError, match=STAMP):
        open_data_folder(data_dir)


def test_a_folder_under_a_file_cannot_be_made(data_dir: Path) -> None:
    data_dir.write_text("a file")
    for path in (data_dir, data_dir / "folder"):
        with pytest.raises(DataFolderUnwritable, match=r"MOTIF_DATA_DIR"):
            open_local(Settings(_env_file=None, data_dir=path))


def test_a_file_system_that_takes_no_files_is_refused_even_to_root() -> None:
    with pytest.raises(DataFolderUnwritable, match=r"/proc/motif.*MOTIF_DATA_DIR"):
        open_local(Settings(_env_file=None, data_dir=Path("/proc/motif")))


def test_a_folder_that_others_own_is_refused_to_an_ordinary_user(data_dir: Path) -> None:
    data_dir.mkdir()
    data_dir.parent.chmod(0o711)
    data_dir.chmod(0o555)
    nobody = [str(pwd.getpwnam("nobody").pw_uid)] if os.geteuid() == 0 else []
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("local_postgres_user.py"), data_dir, *nobody],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("data-folder-unwritable: ")
    assert "Permission denied" in done.stderr
    assert list(data_dir.iterdir()) == []


def test_data_of_a_postgres_that_is_not_carried_is_refused(data_dir: Path) -> None:
    settings = Settings(_env_file=None, data_dir=data_dir)
    with open_local(settings):
        pass
    (data_dir / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(DatabaseUnavailable, match="Postgres 17"):
        open_local(settings)


def test_a_server_that_cannot_start_says_why_and_where_to_look(data_dir: Path) -> None:
    settings = Settings(_env_file=None, data_dir=data_dir)
    with open_local(settings):
        pass
    with (data_dir / "postgres" / "data" / "postgresql.conf").open("a") as config:
        config.write("shared_buffers = a lot\n")
    with pytest.raises(DatabaseUnavailable, match=r"did not start: .*server\.log"):
        open_local(settings)


def test_a_file_is_replaced_whole_and_leaves_no_other_behind(data_dir: Path) -> None:
    data_dir.mkdir()
    write_whole(data_dir / "x", b"old")
    write_whole(data_dir / "x", b"new", mode=0o644)
    assert (data_dir / "x").read_bytes() == b"new"
    assert [path.name for path in data_dir.iterdir()] == ["x"]

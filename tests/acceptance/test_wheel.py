"""What `pip install .` installs: whole, and runnable away from the repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from service import __version__

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as pip builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


def files_in_git(*patterns: str) -> set[str]:
    command = ["git", "ls-files", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return set(listed.split())


def test_the_wheel_holds_both_packages_with_their_sql_and_the_migrations(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    migrations = {
        name.replace("supabase/", "service/storage/", 1) for name in files_in_git("supabase/migrations/*.sql")
    }
    assert len(migrations) > 5
    assert (files_in_git("service", "routing") | migrations) - inside == set()
    assert {name.split("/")[0] for name in inside} == {"service", "routing", f"motif-{__version__}.dist-info"}
    assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in inside}


def test_motif_runs_from_the_wheel_and_finds_its_migrations_there(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    environment = {**os.environ, "PYTHONPATH": str(installed)}

    def run(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout

    assert run("-c", "from service.cli.main import main; main()", "--version") == f"motif {__version__}\n"
    where = run("-c", "import service; print(service.__file__)")
    assert Path(where.strip()).is_relative_to(installed)
    versions = run("-c", "from service.storage.migration import read_migrations as r; print(*(m for m in r()))")
    assert {f"{name}.sql" for name in versions.split()} == {
        Path(name).name for name in files_in_git("supabase/migrations/*.sql")
    }

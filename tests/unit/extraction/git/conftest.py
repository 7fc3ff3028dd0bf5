from pathlib import Path

import pytest
from git_folder import GitFolder


@pytest.fixture
def git_folder(tmp_path: Path) -> GitFolder:
    return GitFolder(tmp_path / "project")

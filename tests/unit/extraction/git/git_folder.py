"""A real repository, built by the git command in the test's own folder."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

ADA = "Ada Lovelace <ada@example.org>"


class GitFolder:
    """A repository to build; times are days of January 2026 at noon UTC, so that shas are the same in every run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, given: bytes = b"", environment: Mapping[str, str] | None = None) -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        own = {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada Lovelace",
            "GIT_AUTHOR_EMAIL": "Ada@example.org",
            "GIT_COMMITTER_NAME": "Charles",
            "GIT_COMMITTER_EMAIL": "charles@example.org",
        }
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments],
            input=given,
            capture_output=True,
            check=True,
            env=kept | own | dict(environment or {}),
        )
        return done.stdout.decode(errors="replace").strip()

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        for name, content in files.items():
            path = self.path / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(
        self, message: str | bytes, files: Mapping[str, str | bytes | None] | None = None, *, day: int = 1
    ) -> str:
        self.write(files or {})
        self.git("add", "--all")
        given = message.encode() if isinstance(message, str) else message
        at = {
            "GIT_AUTHOR_DATE": f"2026-01-{day:02}T09:00:00+0200",
            "GIT_COMMITTER_DATE": f"2026-01-{day:02}T14:00:00+0200",
        }
        self.git("commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--file=-", given=given, environment=at)
        return self.git("rev-parse", "HEAD")

    def commit_bytes(
        self, message: bytes, headers: bytes = b"", committer: bytes = b"C <c@example.org> 1767268800 +0000"
    ) -> str:
        """A commit that git itself would not make, on top of HEAD."""
        tree, parent = self.git("rev-parse", "HEAD^{tree}"), self.git("rev-parse", "HEAD")
        raw = f"tree {tree}\nparent {parent}\n".encode()
        raw += (
            b"author " + ADA.encode() + b" 1767268800 +0000\ncommitter " + committer + b"\n" + headers + b"\n" + message
        )
        sha = self.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", given=raw)
        self.git("update-ref", "HEAD", sha)
        return sha

    def forget(self, revision: str) -> None:
        """Remove an object, as a disk that failed would."""
        sha = self.git("rev-parse", revision)
        (self.path / ".git" / "objects" / sha[:2] / sha[2:]).unlink()

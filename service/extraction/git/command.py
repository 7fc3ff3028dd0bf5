"""Run git so that nothing of the repository is executed, nothing is fetched, and it says the same everywhere."""

import os
import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, cast

from service.errors import IntakeError, NotARepository, RepositoryIncomplete

# A repository's own configuration may name programs to run; each way to one that a reading command takes is shut.
_SAFE = (
    "--no-pager", "--no-replace-objects", "--no-optional-locks",
    "-c", "core.quotePath=off",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.attributesFile=/dev/null",
    "-c", "log.showSignature=false",  # would run gpg.program
    "-c", "log.showRoot=true",
    "-c", "diff.suppressBlankEmpty=false",
    "-c", "core.bigFileThreshold=2m",  # larger files count as binary, so that git does not load them to compare them
)  # fmt: skip

# Only what names the user's own configuration (safe.directory is there) is taken from git's part of the environment.
_KEPT_VARIABLES = ("GIT_CONFIG", "GIT_EXEC_PATH")
_OWN_VARIABLES = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",  # the same for a git older than 2.45: missing objects are not fetched
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "LC_ALL": "C",
    "LANGUAGE": "C",
}


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(_KEPT_VARIABLES)}
    return kept | _OWN_VARIABLES


class GitStream:
    """One running git command: `output` to read, then `finish`, which raises what went wrong."""

    def __init__(self, root: Path, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        self.output = cast(IO[bytes], process.stdout)
        self._root = root
        self._process = process
        self._errors = errors

    def finish(self) -> None:
        """Wait for the end; raises what `git_failure` makes of an exit other than 0."""
        if self._process.wait() != 0:
            self._errors.seek(0)
            raise git_failure(self._root, self._errors.read(100_000))


@contextmanager
def git_stream(root: Path, *arguments: str, lines: Iterable[str] = ()) -> Generator[GitStream, None, None]:
    """Run git with `lines` on its standard input; no process is left behind, also when the reader stops early."""
    # Input and errors are files rather than pipes: neither side can wait for the other.
    with TemporaryFile() as given, TemporaryFile() as errors:
        given.writelines(f"{line}\n".encode() for line in lines)
        given.seek(0)
        command = ["git", *_SAFE, "-C", str(root), *arguments]
        try:
            process = subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, stderr=errors, env=_environment())
        except OSError as error:
            raise _cannot_run(error) from None
        try:
            yield GitStream(root, process, errors)
        finally:
            process.kill()
            process.communicate()


def git_output(root: Path, *arguments: str) -> bytes:
    """The whole output of a short git command; raises what `git_failure` makes of an exit other than 0."""
    with git_stream(root, *arguments) as stream:
        output = stream.output.read()
        stream.finish()
        return output


def git_failure(root: Path, stderr: bytes) -> IntakeError:
    """The error that git's complaint means."""
    said = stderr.decode(errors="replace")
    if "dubious ownership" in said:
        return NotARepository(
            f"git does not trust {root}: it belongs to another user.",
            fix=f"If you trust it: git config --global --add safe.directory {root}",
        )
    if "not a git repository" in said:
        return NotARepository(f"{root} is not a git repository.", fix="Give the folder of one, or run git init.")
    lines = [line for line in said.splitlines() if line.startswith(("fatal:", "error:"))] or said.splitlines() or [""]
    if any(sign in said for sign in _MISSING_OBJECT):
        return RepositoryIncomplete(
            f"Objects of {root} are missing ({lines[0]}).",
            fix=f"git -C {root} fetch --refetch --no-filter (or clone it anew), then run this again.",
        )
    return IntakeError(
        f"git could not read {root} ({lines[0]}).", fix=f"git -C {root} log -p must work before this can."
    )


_MISSING_OBJECT = (
    "unable to read", "could not fetch", "bad object", "missing blob", "missing tree", "missing commit",
    "bad tree object",
    "not allowed", "could not parse commit", "Could not read", "could not read", "unable to parse", "cannot read",
    "is corrupt", "failed to read object", "unable to find", "invalid object", "inflate", "could not get object info",
)  # fmt: skip


def _cannot_run(error: OSError) -> IntakeError:
    if isinstance(error, FileNotFoundError):
        return IntakeError("The git command was not found.", fix="Install git 2.31 or newer and put it on PATH.")
    return IntakeError(f"The git command could not be started: {error.strerror}.", fix="Check that git runs here.")

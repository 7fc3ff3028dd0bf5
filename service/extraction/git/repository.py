"""A local git repository: where it is, what it is called, and whether its history is all there."""

import re
from pathlib import Path

import msgspec

from service.errors import IntakeError, NotARepository, RepositoryIncomplete
from service.extraction.git.command import git_output, git_stream


class Repository(msgspec.Struct, frozen=True):
    """A repository whose history can be read.

    `root`: its work tree, or the repository itself if bare. `head`: full sha. `name`: "host/owner/name" of its remote
    `origin`, else its folder's name. `root_sha`: the first commit of HEAD's first-parent line; it stays when the folder
    moves or the remote is renamed, and is shared by forks.
    """

    root: Path
    head: str
    name: str
    root_sha: str


def open_repository(path: Path) -> Repository:
    """The repository that `path` is in (also from a folder inside it).

    Raises NotARepository; RepositoryIncomplete for one without a commit, a shallow clone, or a partial clone with
    objects missing; IntakeError when git itself cannot be run.
    """
    if not path.is_dir():
        raise NotARepository(f"{path} is not a folder.", fix="Give the folder of a git repository.")
    git_dir, without_tree, shallow = _facts(path)
    root = (
        git_dir
        if without_tree
        else Path(git_output(path, "rev-parse", "--show-toplevel").decode(errors="surrogateescape").rstrip("\n"))
    )
    if shallow:
        raise RepositoryIncomplete(
            f"{root} is a shallow clone: most of its history is missing.", fix=f"git -C {root} fetch --unshallow"
        )
    head = _head(root)
    configured = _configured(root)
    _check_partial(root, configured)
    line = git_output(root, "rev-list", "--first-parent", "--max-parents=0", head).decode().split()
    return Repository(
        root=root,
        head=head,
        name=_name(configured.get("remote.origin.url", ""), root),
        root_sha=line[-1] if line else head,
    )


def _facts(path: Path) -> tuple[Path, bool, bool]:
    """The repository's own folder; whether it is bare or `path` lies in that folder; whether it is shallow."""
    asked = git_output(
        path,
        "rev-parse",
        "--absolute-git-dir",
        "--is-bare-repository",
        "--is-inside-git-dir",
        "--is-shallow-repository",
    )
    git_dir, bare, inside, shallow = asked.decode(errors="surrogateescape").splitlines()
    return Path(git_dir), "true" in (bare, inside), shallow == "true"


def _head(root: Path) -> str:
    try:
        return git_output(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode().strip()
    except IntakeError:
        raise _headless(root) from None


def _headless(root: Path) -> RepositoryIncomplete:
    """Tell a repository without a commit from one whose newest commit is missing."""
    try:
        at = git_output(root, "rev-parse", "--verify", "--quiet", "HEAD").decode().strip()
    except IntakeError:
        return RepositoryIncomplete(
            f"{root} has no commit yet.", fix="Make a commit, or check out a branch that has one."
        )
    return RepositoryIncomplete(f"The newest commit of {root} ({at[:12]}) is missing.", fix="Clone it anew.")


def _configured(root: Path) -> dict[str, str]:
    """The repository's settings as git sees them, names in lower case."""
    entries = git_output(root, "config", "-z", "--list").decode(errors="replace").split("\0")
    return {name.lower(): value for name, _, value in (entry.partition("\n") for entry in entries)}


def _check_partial(root: Path, configured: dict[str, str]) -> None:
    """Refuse a partial clone with objects missing before anything is read; only partial clones pay for the walk."""
    if not any(re.fullmatch(r"extensions\.partialclone|remote\..*\.promisor", name) for name in configured):
        return
    with git_stream(root, "rev-list", "--objects", "--missing=print", "--no-object-names", "HEAD") as stream:
        for line in stream.output:
            if line.startswith(b"?"):
                raise RepositoryIncomplete(
                    f"{root} is a partial clone with objects missing.",
                    fix=f"git -C {root} fetch --refetch --no-filter",
                )
        stream.finish()


def _name(origin: str, root: Path) -> str:
    """ "host/owner/name" of a remote's address without scheme, login, port or ".git"; a local one tells nothing."""
    url = re.fullmatch(
        r"(?:[a-z][a-z0-9+.-]*)://(?:[^/@]*@)*([^/@:]+)(?::\d+)?/+([^?#]+?)(?:[?#].*)?", origin, re.IGNORECASE
    )
    short = re.fullmatch(r"(?:[^@/:]+@)?([^/:@]{2,}):(?!//)/*([^?#]+)", origin)
    found = None if origin.lower().startswith("file:") else url or short
    if found is None:
        folder = root.parent if root.name == ".git" else root
        return folder.name.removesuffix(".git") or "repository"
    return f"{found[1].lower()}/{found[2].strip('/').removesuffix('.git')}"

import io

from hypothesis import given
from hypothesis import strategies as st

from service.extraction.git.change_stream import ChangeLimits, CommitChanges, PatchPart, PathChange, read_changes

MARKER = "motif-0123456789-"
LIMITS = ChangeLimits(paths=2, patches=2, patch_bytes=40, wants=lambda path: not path.endswith(".lock"))

# As git prints it: a commit with patches, one without changes, one with a renamed and a binary file.
PATCHES = (
    b"diff --git a/a.lock b/a.lock\n--- a/a.lock\n+++ b/a.lock\n@@ -1 +1 @@\n-x\n+y\n"
    b"diff --git a/b.py b/b.py\n--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-x\n+y\n"
    b"diff --git a/c.py b/c.py\nnew file mode 100644\n"
    b"--- /dev/null\n+++ b/c.py\n@@ -0,0 +1,9 @@\n+diff --git \n+motif-012\n"
)
PRINTED = (
    b"motif-0123456789-one\0\n1\t1\ta.lock\0" + b"1\t1\tb.py\0" + b"2\t0\tc.py\0\0" + PATCHES
    + b"motif-0123456789-two\0"
    + b"motif-0123456789-three\0\n0\t0\t\0old\0new\0-\t-\tlogo\xe9.png\0\0"
    + b"diff --git a/old b/new\nsimilarity index 100%\nrename from old\nrename to new\n"
    + b"diff --git a/logo b/logo\nindex 1..2 100644\nBinary files a/logo and b/logo differ\n"
)  # fmt: skip
READ = [
    CommitChanges(
        "one",
        (PathChange("a.lock", 1, 1), PathChange("b.py", 1, 1)),
        3,
        (
            PatchPart("b.py", b"--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-x\n+y", whole=True),
            PatchPart("c.py", b"--- /dev/null\n+++ b/c.py\n@@ -0,0 +1,9 @@", whole=False),
        ),
    ),
    CommitChanges("two", (), 0, ()),
    CommitChanges("three", (PathChange("new", 0, 0), PathChange("logo\ufffd.png", None, None)), 2, ()),
]


class Trickle(io.BytesIO):
    """A stream that gives what it has in pieces of these sizes, as a pipe does."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        super().__init__(data)
        self._sizes = sizes

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._sizes.pop() if self._sizes else size)


@given(st.lists(st.integers(1, 40), max_size=60))
def test_the_stream_is_read_alike_in_whatever_pieces_it_comes(sizes: list[int]) -> None:
    assert list(read_changes(Trickle(PRINTED, sizes), MARKER, LIMITS)) == READ


def test_without_patches_only_lines_are_counted() -> None:
    printed = b"motif-0123456789-one\0\n1\t1\ta\0motif-0123456789-two\0\n3\t0\tb\0"
    assert [changes.paths for changes in read_changes(io.BytesIO(printed), MARKER, LIMITS)] == [
        (PathChange("a", 1, 1),),
        (PathChange("b", 3, 0),),
    ]


def test_an_empty_stream_holds_no_commit() -> None:
    assert list(read_changes(io.BytesIO(b""), MARKER, LIMITS)) == []

"""Which part of a commit's diff is kept: files that people write, each its share of the room. Pure."""

import re
from collections.abc import Sequence

from service.extraction.cut import cut
from service.extraction.git.change_stream import PatchPart

MOST_PATCHES = 40
"""Files of one commit whose patch is looked at; the rest of a wide change says the same again."""

_NOT_WRITTEN = re.compile(
    r"(?:^|/)(?:package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|go\.sum|[^/]*\.lock|[^/]*\.lockfile|packages\.lock\.json"
    r"|[^/]*\.resolved|[^/]*[.-]min\.(?:js|css|mjs)|[^/]*\.(?:map|snap|svg|po|mo|pot|csv|tsv|geojson|ipynb|pem|key|crt|cert|p12)"
    r"|[^/]*_pb2(?:_grpc)?\.pyi?|[^/]*\.pb\.(?:go|cc|h)|[^/]*\.(?:generated|designer|g)\.[^/]+)$"
    r"|(?:^|/)(?:node_modules|vendor|vendored|third_party|third-party|bower_components|\.yarn|dist|__snapshots__|__generated__"
    r"|site-packages|cassettes)/",
    re.IGNORECASE,
)


def is_written(path: str) -> bool:
    """True unless the path is a lock file, generated, minified, vendored, a key, or data."""
    return _NOT_WRITTEN.search(path) is None


def excerpt(patches: Sequence[PatchPart], limit: int) -> str:
    """The patches within `limit` characters, in their order: small ones whole, the others share what room is left."""
    texts = [_text(patch) for patch in patches]
    sizes = [0] * len(texts)
    left = limit
    for rank, index in enumerate(sorted(range(len(texts)), key=lambda i: len(texts[i]))):
        sizes[index] = min(len(texts[index]) + 1, left // (len(texts) - rank))
        left -= sizes[index]
    shares = [cut(text, size - 1) for text, size in zip(texts, sizes, strict=True)]
    # A share without a changed line says nothing.
    return "\n".join(share for share in shares if "\n@@ " in share)[:limit]


def _text(patch: PatchPart) -> str:
    data = patch.data.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return data.rstrip("\n") if patch.whole else cut(data, len(data) - 1)

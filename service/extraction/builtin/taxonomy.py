"""The types a pattern may have, and the words and paths that vote for each.

| type | it is about |
|---|---|
| reliability | keeping working: retries, shutdown, leaks, platforms |
| performance | speed, memory, caching |
| security | secrets, permissions, vulnerabilities |
| api_design | what others call: signatures, options, types, compatibility |
| testing | tests, fixtures, coverage, flakiness |
| build_ci | pipelines, packaging, release, development environment |
| dependencies | what the project stands on, and which versions |
| refactoring | the same behaviour in better shape: renames, moves, dead code |
| deprecation | what is on its way out |
| documentation | guides, references, wording |
| data | schema, migrations, queries, formats |
| concurrency | races, locks, async, threads |
| error_handling | exceptions, messages, validation |
| observability | logs, metrics, monitoring |
| process | how people work together |
"""

import re
from collections import defaultdict
from collections.abc import Sequence

from service.extraction.builtin.reading import Read
from service.extraction.builtin.wording import commit_type

TYPES = (
    "reliability", "performance", "security", "api_design", "testing", "build_ci", "dependencies", "refactoring",
    "deprecation", "documentation", "data", "concurrency", "error_handling", "observability", "process",
)  # fmt: skip

_WORDS = {
    "reliability": r"retr(?:y|ies|ied)|reconnect|time-?out|idempotent|connection (?:lost|closed|fail)|shutdown"
    r"|graceful|leak|heartbeat|stalled|robust|recover"
    r"|windows|restart|abort|cancel",
    "performance": r"perf|performance|fast(?:er)?|speed|slow|cach(?:e|ing)|optimi[sz]|benchmark|memory usage"
    r"|prefetch|batch|index(?:es)?",
    "security": r"security|vulnerab|cve|secret|permission|privilege|injection|escap|encrypt|token|password|auth",
    "api_design": r"api|signature|kwargs|argument|parameter|option|type hint|typing|annotation|mypy|pyright"
    r"|compat|interface|cli|public|protocol",
    "testing": r"tests?|testing|fixture|mock|coverage|flaky|de-?flake|pytest|conftest|assert",
    "build_ci": r"ci|workflow|github actions?|travis|docker|deploy|publish|pre-?commit|poetry|setup\.py"
    r"|setup\.cfg|pyproject|packaging|devcontainer|dev-env|lint|release",
    "dependencies": r"dependenc|renovate|dependabot|pin|upgrade|drop support|python 3|py3|django \d",
    "refactoring": r"refactor|renam|mov(?:e|ed)|simplif|clean|extract|split|unused|rewrite|reorganiz",
    "deprecation": r"deprecat",
    "documentation": r"docs?|documentation|readme|howto|typo|spelling|glossary|docstring|guide|sphinx|wording"
    r"|changelog|quickstart",
    "data": r"migrations?|schema|sql|quer(?:y|ies)|table|column|database|json|index|trigger|model|timezone"
    r"|encoding|postgres|psycopg|connection|pool",
    "concurrency": r"rac(?:e|y)|deadlock|lock|concurren|thread|async|await|event loop|parallel|semaphore",
    "error_handling": r"exception|error|rais(?:e|es|ing)|traceback|validat|crash|fail(?:s|ed|ure)",
    "observability": r"log(?:s|ging|ger)?|metric|monitor|trac(?:e|ing)|telemetry|healthcheck",
    "process": r"contribut|codeowners|template|review|code of conduct|maintainer|revert",
}  # fmt: skip
_COMPILED = {name: re.compile(rf"\b(?:{words})\w{{0,3}}\b", re.IGNORECASE) for name, words in _WORDS.items()}
_PATHS = (
    ("documentation", re.compile(r"(^|/)docs?/|\.(md|rst|adoc)$", re.IGNORECASE)),
    ("testing", re.compile(r"(^|/)(tests?|spec|__tests__)/|(^|/)test_|_test\.|\.spec\.|conftest", re.IGNORECASE)),
    ("build_ci", re.compile(r"(^|/)\.github/|\.travis|Dockerfile|docker-compose|\.gitlab-ci"
                            r"|configure\.ac|meson\.build|CMakeLists|Makefile|pyproject"
                            r"|setup\.(py|cfg)|\.pre-commit|tox\.ini|noxfile|\.devcontainer", re.IGNORECASE)),
    ("data", re.compile(r"(^|/)migrations?/|\.sql$|schema", re.IGNORECASE)),
)  # fmt: skip
_COMMIT_TYPES = {
    "docs": "documentation",
    "doc": "documentation",
    "test": "testing",
    "tests": "testing",
    "ci": "build_ci",
    "build": "build_ci",
    "perf": "performance",
    "refactor": "refactoring",
    "deps": "dependencies",
    "security": "security",
}


def type_of(name: str, reads: Sequence[Read]) -> str:
    """The type with most votes: each headline votes by its words (1) and its paths (.5), the pattern's name by"
    " 60 %."""
    votes: dict[str, float] = defaultdict(float)
    size = max(1, len(reads))
    for kind, words in _COMPILED.items():
        if words.search(name):
            votes[kind] += 0.6 * size
    for item in reads:
        said = [kind for kind, words in _COMPILED.items() if words.search(item.subject)]
        for kind in said:
            votes[kind] += 1 / len(said)
        announced = _COMMIT_TYPES.get(commit_type(item.interaction.message) or "")
        if announced:
            votes[announced] += 1
        for kind, paths in _PATHS:
            if item.paths:
                votes[kind] += 0.5 * sum(bool(paths.search(path)) for path in item.paths) / len(item.paths)
    if not votes:
        return "process"
    return min(votes, key=lambda kind: (-round(votes[kind], 6), TYPES.index(kind)))


def type_of_paths(paths: Sequence[str], otherwise: str) -> str:
    """The type that all of these paths speak for, or the other one."""
    for kind, pattern in _PATHS:
        if paths and all(pattern.search(path) for path in paths):
            return kind
    return otherwise


def type_of_text(text: str) -> str:
    """The type whose words a text speaks most; `process` where it speaks none."""
    votes = {kind: len(words.findall(text)) for kind, words in _COMPILED.items()}
    best = min(votes, key=lambda kind: (-votes[kind], TYPES.index(kind)))
    return best if votes[best] else "process"

"""Which interactions teach nothing, and why: bots, releases, empty merges, reverted work, noise."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

from service.extraction.builtin.wording import GENERIC_STEMS, stems, subject_span
from service.extraction.interaction import Interaction, Kind

DEPENDENCY = "dependency update"
RELEASE = "release"
EMPTY_MERGE = "merge without content"
REPEATED_MERGE = "merge repeats its commits"
REVERTED = "reverted or a revert"
BOT = "automatic commit"
NOISE = "says too little"

_LOCK_FILES = re.compile(
    r"(^|/)(poetry\.lock|uv\.lock|pdm\.lock|Pipfile\.lock|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock"
    r"|pnpm-lock\.yaml"
    r"|bun\.lockb?|Cargo\.lock|go\.sum|Gemfile\.lock|composer\.lock|mix\.lock|flake\.lock|gradle\.lockfile)$"
)
_MANIFESTS = re.compile(
    r"(^|/)(pyproject\.toml|setup\.(cfg|py)|requirements[\w.-]*\.(txt|in)|requirements/.*|Pipfile|package\.json"
    r"|Cargo\.toml"
    r"|go\.mod|Gemfile|composer\.json|mix\.exs|pom\.xml|build\.gradle(\.kts)?|libs\.versions\.toml"
    r"|\.pre-commit-config\.yaml"
    r"|Dockerfile|\.github/workflows/.*|environment\.ya?ml|constraints[\w.-]*\.txt)$"
)
_DEPENDENCY = re.compile(
    r"""^(?:
      (?:chore|fix|build|ci|feat)\(deps?(?:-dev|-\w+)?\)!?:
    | bump\s+(?:the\s+)?[@\w./\[\]-]+\s+(?:group|from|to|in|and|version|requirement|across)\b
    | bump\s+(?:all\s+|python\s+|npm\s+)?(?:dep|dependenc)\w*
    | (?:\[pre-commit\.ci\]\s*)?pre-commit\s+autoupdate | lock\s*file\s+maintenance | \[security\]\s+bump
    | (?:update|upgrade|bump)\s+(?:all\s+)?(?:non-major\s+|minor\s+|major\s+|dev\s+|python\s+|npm\s+|\w+\s+)?
      (?:dependenc(?:y|ies)|deps|requirements|lock\s?files?)\b
    | (?:update|upgrade|pin)\s+(?:dependency|module|plugin|rust\s+crate)\s
    | (?:update|upgrade|bump|pin)\s+\S+\s+(?:action|docker\s+(?:tag|digest)|orb|digest|tag|crate|to\s+v?\d|from\s+v?\d)
    | (?:update|upgrade|bump|pin)\s+[@\w./-]+\s+(?:\w+\s+)?(?:to|from)\s+v?\d[\w.]*
    | .{0,40}\bupdate[ds]?\s+(?:\S+\s+)?to\s+(?:the\s+)?(?:latest|newest)\b.*
    | (?:deps|dependencies)\s+(?:update|upgrade|bump)s?\b | (?:re)?(?:compute|generate|lock)\s+lock\s?file
    | (?:update|upgrade)\s+.{1,60}\s+(?:action|docker\s+tag)\s+to\s+v\S+
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_RELEASE = re.compile(
    r"""^(?:(?:chore|build|release)(?:\([^)]*\))?:\s*)?(?:
      (?:prepare\s+(?:for\s+)?)?release\s+(?:of\s+)?[\w.-]*\s*v?\d[\w.+-]*\s*$
    | v?\d+\.\d+(?:\.\d+)*(?:[-.]?(?:a|b|rc|dev|alpha|beta|post)\.?\d*)?\s*$
    | (?:bump|set|update|increment)(?:s|ed|d)?\s+(?:the\s+)?(?:package\s+)?version(?:\s+(?:number|to|from|for|in)\b.*)?$
    | version\s+(?:bump|v?\d[\w.]*)\s*$
    | (?:back\s+to|begin|start|open)\s+(?:\w+\s+){0,3}(?:development|dev\b|snapshot).*
    | bump(?:s|ed)?\s+(?:to\s+)?v?\d[\w.+-]*(?:\s*(?:→|->|to)\s*v?\d[\w.+-]*)?\s*$
    | \[maven-release-plugin\].* | release\s*$ | (?:post-?release|pre-?release)\b.{0,40}$
    )""",
    re.IGNORECASE | re.VERBOSE,
)  # fmt: skip
_BOT = re.compile(
    r"^(?:\[pre-commit\.ci\]|\[?autofix|auto[- ]?(?:fix|format)\w*\s+(?:from|by|with)|style fixes by"
    r"|apply automatic changes"
    r"|\[bot\]|translat(?:e|ions?|ed) (?:using|update.*) weblate|new crowdin|merge .*\bweblate)",
    re.IGNORECASE,
)
_BOT_BRANCH = re.compile(
    r"(?:dependabot|renovate|pre-commit-ci|snyk|pyup|greenkeeper|scala-steward|imgbot)[-/]", re.IGNORECASE
)
_FIXUP = re.compile(r"^(?:fixup!|squash!|amend!|(?:\[?wip\]?|tmp|temp|checkpoint|save)[:. ]*$|asdf)", re.IGNORECASE)
_MERGE = re.compile(r"^(?:merge (?:pull request|branch|branches|remote-tracking|commit|tag|master|main|upstream"
    r"|pr|from|in|of|'|\"|\S+ into)\b|merged? in |merge$|merged?\s+\S+\s*$)", re.IGNORECASE)  # fmt: skip
_PULL = re.compile(r"#(\d+)")
_REVERTS_SHA = re.compile(r"reverts?\s+commits?\s+([0-9a-f]{7,64})", re.IGNORECASE)
_REVERTS_PULL = re.compile(r"reverts\s+(?:[\w.-]+/[\w.-]+)?#(\d+)", re.IGNORECASE)
_REVERTS_SUBJECT = re.compile(r"^revert:?\s+[\"“'](.+)[\"”']", re.IGNORECASE | re.DOTALL)
_REVIEW = re.compile(
    r"^(?:(?:apply|address\w*|incorporate|take|changes?|updates?|fix(?:es|ed)?|edits?|more|some|small|from|after|during|the|pr"
    r"|code|peer)\W+)*review(?:er)?s?(?:'s)?"
    r"(?:\W+(?:comments?|feedback|remarks?|suggestions?|changes|notes|fixes|into account))*\W*$"
    r"|^apply (?:\w+ )?suggestions?(?: from .{0,40})?$",
    re.IGNORECASE,
)
# "2006-08-04 Jo Doe (jo@example.org)", "Reviewed by: Jo Doe <jo@example.org>": a headline that names only people.
_PERSON = re.compile(
    r"^(?:reviewed|reported|submitted|patch(?:es)?|thanks)[ -](?:by|from|to)\b|[<(]\S+@\S+[)>]", re.IGNORECASE
)
_TYPO = re.compile(
    r"^(?:(?:small|minor|tiny|fix(?:ed|ing|es)?|correct\w*|a|an|the|few|some|more|another|silly|docs?|unrelated|omg)\W+)*"
    r"(?:typos?|misspell\w*|spelling|grammar|wording)\b",
    re.IGNORECASE,
)
_ONLY_UPDATES_A_FILE = re.compile(
    r"^(?:update|create|delete|rename|add files via upload)\s*[\w./-]*\.?[\w-]*\s*$", re.IGNORECASE
)


_LONGEST_HEADLINE = 400


def headline(interaction: Interaction) -> tuple[int, int]:
    """Where the line that says what was done stands in the text: a merged pull request's title, else line one."""
    message = interaction.message
    first = (0, _line_end(message, 0))
    if not _MERGE.match(message):
        return first
    at = first[1]
    while at < len(message) and message[at].isspace():
        at += 1
    end = _line_end(message, at)
    return (at, end) if at < end and message[at] != "#" else (0, 0)


def _line_end(text: str, start: int) -> int:
    """End of the line, or of its first 400 characters: what is longer is no headline but a paste."""
    end = text.find("\n", start)
    return min(len(text) if end < 0 else end, start + _LONGEST_HEADLINE)


def is_merge(interaction: Interaction) -> bool:
    """Whether it joins lines of history rather than changing anything itself."""
    return len(interaction.details.parents) > 1 or bool(_MERGE.match(interaction.message))


def why_not(interaction: Interaction) -> str | None:  # noqa: PLR0911  # one return for each reason
    """The reason why this interaction, looked at alone, teaches nothing; None if it may teach."""
    if interaction.kind is not Kind.COMMIT:
        return None if stems(interaction.message) else NOISE
    message = interaction.message
    if _BOT.match(message):
        return DEPENDENCY if "autoupdate" in message[:60] else BOT
    start, end = headline(interaction)
    if is_merge(interaction) and _BOT_BRANCH.search(message[: _line_end(message, 0)]):
        return DEPENDENCY
    subject = message[start:end].strip()
    if not subject:
        return EMPTY_MERGE if message.strip() else NOISE
    begin, finish = subject_span(subject)
    bare = subject[begin:finish]
    if _RELEASE.match(bare) or _RELEASE.match(subject):
        return RELEASE
    if _DEPENDENCY.match(subject) or _DEPENDENCY.match(bare) or _only_moves_versions(interaction, subject):
        return DEPENDENCY
    if _FIXUP.match(bare) or _FIXUP.match(subject):
        return NOISE
    body = message[end:].strip()
    if _says_little(bare) and (len(body) < 60 or is_merge(interaction)):
        return NOISE
    return None


def _only_moves_versions(interaction: Interaction, subject: str) -> bool:
    """Only lock files changed, or only manifests with a subject that speaks of nothing but versions."""
    paths = [change.path for change in interaction.details.files]
    if not paths:
        return False
    if all(_LOCK_FILES.search(path) for path in paths):
        return True
    if not all(_LOCK_FILES.search(path) or _MANIFESTS.search(path) for path in paths):
        return False
    return bool(
        re.match(r"(?:update|upgrade|bump)\b.*\b(?:dep|deps|dependenc\w+|all|versions?|v?\d[\w.]*)\b", subject, re.I)
    )


def _says_little(subject: str) -> bool:
    if _PERSON.search(subject) or _ONLY_UPDATES_A_FILE.match(subject) or _REVIEW.match(subject) or _TYPO.match(subject):
        return True
    found = stems(subject)
    return not any(word not in GENERIC_STEMS for word in found) and len(found) <= 3


def reverted(interactions: Sequence[Interaction]) -> set[str]:
    """External keys of reverts and of what they took back, oldest first in `interactions`. A revert of a revert puts
    the first work back."""
    gone: dict[str, str | None] = {}
    by_subject: dict[str, list[str]] = defaultdict(list)
    by_pull: dict[str, list[str]] = defaultdict(list)
    keys = sorted(item.external_key for item in interactions)
    for item in interactions:
        message = item.message
        subject = message[: _line_end(message, 0)].strip()
        if "revert" in message.lower():
            targets = _targets(message, keys, by_subject, by_pull)
            named = bool(_REVERTS_SUBJECT.match(subject))
            for target in targets:
                undone = gone.pop(target, None) if target in gone else None
                if undone is not None:
                    gone.pop(undone, None)
                gone[target] = None
                gone[item.external_key] = target
            if named and not targets:
                gone[item.external_key] = None
        by_subject[_NORMAL.sub(" ", subject.lower())].append(item.external_key)
        for pull in _PULL.findall(subject):
            by_pull[pull].append(item.external_key)
    return set(gone)


_NORMAL = re.compile(r"\s+")


def _targets(
    message: str, keys: list[str], by_subject: dict[str, list[str]], by_pull: dict[str, list[str]]
) -> list[str]:
    found: list[str] = []
    for sha in _REVERTS_SHA.findall(message):
        at = bisect_left(keys, sha.lower())
        if at < len(keys) and keys[at].startswith(sha.lower()):
            found.append(keys[at])
    for pull in _REVERTS_PULL.findall(message):
        found.extend(by_pull.get(pull, ()))
    named = _REVERTS_SUBJECT.match(message)
    if not found and named:
        earlier = by_subject.get(_NORMAL.sub(" ", named[1].lower()), ())
        found.extend(earlier[-1:])
    return found


def repeated_merges(interactions: Sequence[Interaction]) -> set[str]:
    """External keys of merges whose title is the headline of a commit that is here too: one work told twice."""
    told = {_headline_words(item) for item in interactions if not is_merge(item)}
    return {item.external_key for item in interactions if is_merge(item) and _headline_words(item) in told}


def _headline_words(interaction: Interaction) -> str:
    start, end = headline(interaction)
    begin, finish = subject_span(interaction.text[start:end])
    return _NORMAL.sub(" ", interaction.text[start + begin : start + finish].casefold().rstrip("….")) or "\0"

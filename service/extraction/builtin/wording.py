"""How the extractor reads words: clean subjects, tokens with their place in the text, and light stems."""

import re
from functools import lru_cache

import msgspec


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Apostrophes stay inside a word ("don't"); digits alone are no word; a run of CJK characters is read by pairs.
_WORD = re.compile(r"[^\W\d_]\w*(?:['’][^\W\d_]+)*", re.UNICODE)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_PREFIX = re.compile(r"^(?P<type>[a-z]{2,12})(?:\((?P<scope>[^)]{1,40})\))?!?:\s+", re.IGNORECASE)
_PREFIX_TYPES = _words(
    """
    feat feature fix bugfix hotfix docs doc test tests chore refactor perf style build ci revert wip improvement
    security deps release misc enh enhancement bug
    """
)
_NUMBER_TAIL = re.compile(r"\s*[(\[]?(?:(?:close[sd]?|fix(?:e[sd])?|refs?|see|resolve[sd]?)\s+)?"
                          r"(?:(?:[\w.-]+/[\w.-]+)?#\d+|(?:bug|issue|ticket)\s+#?\d+)[)\]]?[.:]?\s*$"
                          r"|\s*\[(?:ci skip|skip ci|no ci)\]\s*$", re.IGNORECASE)  # fmt: skip
_NUMBER_HEAD = re.compile(r"^(?:(?:close[sd]?|fix(?:e[sd])?|refs?|see|resolve[sd]?|related to)\s+)?"
                          r"(?:#\d+|[A-Z]{2,10}-\d+)\s*[:\-.]?\s+", re.IGNORECASE)  # fmt: skip
_TAG_HEAD = re.compile(r"^\[[^\]]{1,30}\]\s*")
_EMOJI_HEAD = re.compile(r"^(?::[a-z0-9_+-]+:|[\u2190-\u2bff\U0001f000-\U0001faff\ufe0f\u200d])+\s*")

STOPWORDS = _words(
    """
    since rid currently because
    a about above after again all also am an and any are aren't as at be because been before being below between
    both but by can can't cannot could did do does doesn't doing don't down during each etc few for from further
    get gets getting got had has have having he her here hers him his how i if in into is isn't it it's its
    itself just let like may me might more most must my no nor not now of off on once only or other our out over
    own per please same she should shouldn't so some such than that that's the their them then there these they
    this those through to too toward towards under until up upon us use used uses using very via was wasn't we
    were weren't what when where whether which while who whom why will with within without won't would you your
    yes one two still yet instead rather many much bit little lot lots thing things something anything way ways
    e.g i.e vs de la le les et un une der die das und el los
    """
)

# What any project's messages are full of: verbs of change and words about the work itself. They colour a name, they
# never make a theme alone.
GENERIC = _words(
    """
    add added adding addition adds additional allow allows allowed apply applied adapt adjust adjusted bring
    change changed changes changing clean cleanup cleaner code comment comments commit commits complete correct
    correctly couple create created creates creating delete deleted detail details different do done draft drop
    dropped enable disable ensure ensures every example existing expand explicit explicitly extra extract
    feature few first final fix fixed fixes fixing bug bugs follow force fully generic give handle handled
    handles handling hide hopefully improve improved improvement improvements include included includes initial
    init introduce issue issues keep last left line lines long make makes making merge minor miss missing
    mistake mistakes mode more move moved moves name named names need needed needs new nicer nit nitpick number
    old option options part pass patch possible pr prepare prevent proper properly provide pull put quick random
    reduce refactor refactored refactoring related remaining remove removed removes removing rename renamed
    renames replace replaced reorder reorganize request requested restore return returns review reword rework
    rewrite run running runs say second select set sets several show simple simplify simplified simpler single
    small some split start started step stuff style suggestion suggestions support supported supports switch
    take temporary test tests tested testing third tidy tiny todo trivial try trying turn tweak tweaks
    unnecessary unused unneeded unify up update updated updates updating upgrade upgraded usage useful useless
    value values various version versions wip work working works write wrong back available default better best
    good great nice real really sure actual actually already always never even ever less time times case cases
    place places user users file files folder directory module modules path paths function functions method
    methods class classes variable variables argument arguments arg args parameter parameters param params type
    types object objects call called calls check checks checking read build built project package packages repo
    repository implement implemented implementation according accordingly define definition expected current
    currently fail failed failing fails failure error errors main master branch github org com www http https
    cosmetic cosmetics wording proofreading typo typos spelling grammar lint linting linter format formatting
    formatted black isort flake8 doc docs document documentation documented docstring docstrings readme
    changelog news skip skipped id ids py toml yml yaml txt rst md cfg ini js ts script scripts tag tags prs
    config configs configuration setting settings data info message messages string list lists
    """
)

_IRREGULAR = {
    "indices": "index", "indexes": "index", "queries": "query", "aliases": "alias", "statuses": "status",
    "status": "status", "bus": "bus", "analysis": "analysis", "async": "async", "asynchronous": "async",
    "asynchronously": "async", "sync": "sync", "synchronous": "sync", "synchronously": "sync", "docs": "doc",
    "documentation": "doc", "document": "doc", "documents": "doc", "documented": "doc", "documenting": "doc",
    "deprecated": "deprecat", "deprecate": "deprecat", "deprecation": "deprecat", "deprecations": "deprecat",
    "deprecates": "deprecat", "typing": "typing", "string": "string", "strings": "string", "thing": "thing",
    "being": "being", "during": "during", "postgres": "postgres", "kubernetes": "kubernetes", "redis": "redis",
    "https": "https", "dns": "dns", "class": "class", "access": "access", "process": "process", "progress": "progress",
    "previous": "previous", "bias": "bias", "canvas": "canvas", "alias": "alias", "less": "less", "pass": "pass",
    "pipeline": "pipeline", "pipelines": "pipeline", "configuration": "config", "configurations": "config",
    "configure": "config", "configured": "config", "config": "config", "configs": "config", "conf": "config",
    "settings": "setting", "auth": "auth", "authentication": "auth", "authenticate": "auth", "migration": "migrat",
    "migrations": "migrat", "migrate": "migrat", "migrated": "migrat", "migrating": "migrat", "migrates": "migrat",
    "aborting": "abort", "aborted": "abort", "deflake": "flaky", "deflaky": "flaky", "flake": "flaky",
    "flakiness": "flaky", "flakey": "flaky",
    "flaking": "flaky", "typed": "typing", "parallel": "parallel", "series": "series",
    "os": "os", "css": "css", "js": "js", "ts": "ts", "ios": "ios", "aws": "aws", "tls": "tls", "rss": "rss",
}  # fmt: skip


class Token(msgspec.Struct, frozen=True):
    """One word: its stem, and where it stands in the text it was read from (code points)."""

    stem: str
    start: int
    end: int


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A light English stem, lower case; other scripts are only lowered. `jobs` -> `job`, `deferring` -> `defer`."""
    word = word.lower().replace("’", "'")
    if word.endswith("'s"):
        word = word[:-2]
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= 3 or not word.isascii():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "xes", "ches", "shes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for suffix in ("ing", "ed"):
        base = word[: -len(suffix)]
        if word.endswith(suffix) and len(base) >= 3 and re.search("[aeiouy]", base):
            doubled = len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz"
            return base[:-1] if doubled else base.removesuffix("e")
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


GENERIC_STEMS = frozenset(stem(word) for word in GENERIC) | GENERIC
STOP_STEMS = frozenset(stem(word) for word in STOPWORDS) | STOPWORDS


def tokens(text: str) -> list[Token]:
    """The words of a text in order, stop words included. CJK runs become overlapping pairs of characters."""
    found: list[Token] = []
    for match in _WORD.finditer(text):
        word, start = match.group(), match.start()
        if _CJK.search(word):
            found.extend(_cjk_tokens(word, start))
        else:
            found.append(Token(stem(word), start, match.end()))
    return found


def _cjk_tokens(word: str, start: int) -> list[Token]:
    found: list[Token] = []
    for run in _CJK.finditer(word):
        characters = run.group()
        for at in range(max(1, len(characters) - 1)):
            begin = start + run.start() + at
            found.append(Token(characters[at : at + 2], begin, begin + len(characters[at : at + 2])))
    return found


def parts(identifier: str) -> list[str]:
    """Stems of the words inside an identifier or a file name: `RetryStrategy`, `run_worker_async`, `howto/cron.rst`."""
    pieces = [piece for chunk in re.split(r"[\W_]+", identifier) for piece in _CAMEL.findall(chunk)]
    return [stem(piece) for piece in pieces if len(piece) > 1]


def stems(text: str) -> list[str]:
    """Content stems of a text: words and the words inside identifiers, without stop words."""
    found: list[str] = []
    for token in tokens(text):
        word = text[token.start : token.end]
        inner = parts(word) if "_" in word or not (word.islower() or word.istitle() or word.isupper()) else []
        found.extend(piece for piece in inner if piece not in STOP_STEMS and len(piece) > 1)
        if len(inner) != 1 and token.stem not in STOP_STEMS and len(token.stem) > 1:
            found.append(token.stem)
    return found


def subject_span(text: str) -> tuple[int, int]:
    """Where the telling part of a one-line subject stands: without prefix, ticket, pull request number or full stop."""
    start, end = 0, len(text)
    for _ in range(3):
        rest = text[start:end]
        prefix = _PREFIX.match(rest)
        if prefix and prefix["type"].lower() in _PREFIX_TYPES:
            start += prefix.end()
            continue
        skipped = _TAG_HEAD.match(rest) or _EMOJI_HEAD.match(rest) or _NUMBER_HEAD.match(rest)
        if skipped and skipped.end() < len(rest):
            start += skipped.end()
    tail = _NUMBER_TAIL.search(text, start, end)
    while tail and tail.start() > start:
        end = tail.start()
        tail = _NUMBER_TAIL.search(text, start, end)
    while start < end and text[start].isspace():
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in ".。,;:"):
        end -= 1
    return start, end


_COMPONENT = re.compile(r"^[\w./*+-]{1,30}(?:,\s*[\w./*+-]{1,30})?:\s+")


def after_component(subject: str) -> str:
    """A subject without the component it opens with: `fc-match: add an option` -> `add an option`."""
    found = _COMPONENT.match(subject)
    return subject[found.end() :] if found and found.end() < len(subject) else subject


def commit_type(subject: str) -> str | None:
    """The conventional-commit type of a subject, lower case, or None."""
    prefix = _PREFIX.match(subject)
    return prefix["type"].lower() if prefix and prefix["type"].lower() in _PREFIX_TYPES else None

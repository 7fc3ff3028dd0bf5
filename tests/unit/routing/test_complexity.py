import math
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from routing.complexity import DEFAULT, WORDS, score, slot_of
from routing.signs import NAMES, READ_CHARACTERS, USUAL, read
from routing.task import band_of
from routing.weights import REASONS, Weights

FITTED = msgspec.structs.replace(
    DEFAULT, version="fitted-1", kinds={"conversation": 0.5}, words=tuple((n % 7 - 3) / 10 for n in range(64))
)
# Any code point, single surrogates too: what a broken export hands in.
any_text = st.text(st.characters(codec=None))

PLAIN = "The team keeps the settings of the service in a file, and the worker reads it when it starts. "
HARD = """\
Anna: I think the worker loses the lock because the listener reconnects after the transaction was closed, not before.
Ben: I don't agree. If that were so, the retry would fail too, but it never does unless two workers start at once.
Carla: However, #812 shows the opposite: the job ran twice although only one worker was alive, see ABC-12.
Ben: Then either the heartbeat is wrong, or the clock is, since the timeout is less than half of the interval.
Anna: Why would it be less? Nothing changes it except the environment, which the pipeline doesn't set.
Dora: Actually it does when the branch isn't main, hence the difference between staging and production.
Carla: So neither explanation holds. Until we know whether the lock was lost before the commit, we shouldn't merge #815.
"""


@given(any_text, st.sampled_from(["", "commit", "conversation", "\ud800"]), st.integers(-1, 10**9))
@example("\ud800\udfff\x00", "", 0)
def test_any_text_has_a_score_that_is_the_sum_of_its_parts(text: str, kind: str, files: int):
    for weights in (DEFAULT, FITTED):
        found = score(text, kind=kind, files=files, weights=weights)
        assert 0 <= found.score <= 1
        assert found.score == pytest.approx(1 / (1 + math.exp(-sum(found.parts.values()))))
        assert found.version == weights.version
        assert set(found.parts) <= {"base", WORDS, f"kind:{kind}", *NAMES}
        assert 0 <= band_of(found.score) <= 4
        assert found == score(text, kind=kind, files=files, weights=weights)


@given(any_text)
def test_every_sign_lies_between_nothing_and_all(text: str):
    shown = read(text).shown
    assert tuple(shown) == NAMES
    assert all(0 <= value < 1 for value in shown.values())


def test_every_sign_has_a_weight_and_a_reason():
    assert set(DEFAULT.signs) == set(REASONS) == set(NAMES)
    assert all(REASONS.values())


def test_a_text_without_words_is_told_as_usual_english():
    assert score("").parts == {"base": DEFAULT.base}
    assert {name: value for name, value in read("").shown.items() if value} == USUAL


@pytest.mark.parametrize(
    "text",
    [
        "Bump ruff from 0.17.4 to 0.17.5",
        "Fix typo in README",
        "Update the dependencies",
        "Merge branch main",
        "Add a test for the retry option of the worker.",
        "The page lists the settings with their defaults.",
        "Translate the page to German.",
    ],
)
def test_a_simple_task_is_below_all_the_higher_thresholds(text: str):
    assert score(text, kind="commit", files=1).score < 0.3


@pytest.mark.parametrize(
    ("text", "kind", "files"),
    [
        (HARD, "conversation", 12),
        (
            """Deadlock when two workers cancel the same job

1. Worker A locks the job, then the queue, unless the job has a lock of its own.
2. Worker B locks the queue first, because it polls more often than A.
3. If A's transaction is not committed before B's timeout, neither can go on.

This does not happen with one connection, except when the pool is smaller than the number of workers. It is different
from #412, which failed only after a restart, and it is worse than before #398, since the retry now waits for both.
""",
            "issue",
            0,
        ),
        (
            "If a job is cancelled but not yet fetched, it should be removed; unless it was retried less than twice, "
            "in which case neither the lock nor the queueing lock must be released until the worker, which may "
            "have died, is known not to hold it, because otherwise two workers would run it.",
            "pull_request",
            9,
        ),
    ],
)
def test_a_hard_task_is_above_seven_tenths(text: str, kind: str, files: int):
    assert score(text, kind=kind, files=files).score > 0.7


@pytest.mark.parametrize("text", [PLAIN, HARD, "Solve x^2 + 3x = 4 for x, unless x is not positive."])
def test_length_alone_changes_nothing(text: str):
    """Said thirty times it is as hard as said ten times; only what flattens early (speakers, references) may count."""
    assert score(text * 30).score == pytest.approx(score(text * 10).score, abs=0.03)


SHORT_AND_HARD = (
    "Prove that no prime is the square of a rational number.",
    "Implement a queue with two stacks; why is each operation constant on average?",
    "If neither lock is held unless both are, which worker cannot start?",
    "Calculate the probability that at least two of five jobs fail.",
)
LONG_AND_EASY = (
    "Write a few kind lines to the guests of our summer party, thank them for coming, say that the garden was lovely "
    "and that the photos are in the shared folder, and wish everybody a good holiday with the family.",
    "Put this into a friendly tone: the library in the town opens on Monday, there is a room with books for children "
    "and a small garden with benches, and on the first day there is tea and cake for the visitors.",
    "The page shows the list of the projects with the name of the owner and the date of the last change. Add the "
    "address of the owner to the list, in the column on the right, in the colour of the other columns.",
)


def test_a_short_task_that_is_hard_is_above_a_long_one_that_is_easy():
    assert min(len(text) for text in LONG_AND_EASY) > 2 * max(len(text) for text in SHORT_AND_HARD)
    assert min(score(text).score for text in SHORT_AND_HARD) > max(score(text).score for text in LONG_AND_EASY)


def test_padding_makes_nothing_harder():
    assert score(HARD + PLAIN * 20).score < score(HARD).score


@pytest.mark.parametrize(
    ("sign", "less", "more"),
    [
        (
            "negation",
            "The lock is released and the job runs again.",
            "The lock is not released and the job never runs.",
        ),
        (
            "conditions",
            "The job runs again after a failure.",
            "If the job fails it must run again unless it is locked.",
        ),
        (
            "causes",
            "The job runs. The lock is held.",
            "The job runs because the lock is held, so it ends before the rest.",
        ),
        (
            "comparison",
            "The pool and the queue are of a size.",
            "The pool is smaller than the queue, or at least equal.",
        ),
        (
            "contrast",
            "The job ran and the lock was held.",
            "The job ran, but the lock was held although it had expired.",
        ),
        (
            "relations",
            "A shop sells 3 pens and 4 books.",
            "A shop sells half of the pens and twice as many books each day.",
        ),
        ("demands", "Write down what the job does.", "Prove that the algorithm is free of deadlock and derive why."),
        (
            "clauses",
            "The job runs and then it ends.",
            "The job, as it is, runs; then, if it can, it ends: here, or there.",
        ),
        (
            "entities",
            "It was said by the others in the talk.",
            "It was said by Anna and Ben and Carla to Dora in Berlin.",
        ),
        ("formal", "x is y and y is z", "f(x) = {y | y^2 < z} => [a, b]"),
        (
            "statements",
            "One thing and another.",
            "Statement 1 | One thing.\nStatement 2 | Another.\nStatement 3 | A third.",
        ),
        ("speakers", "Anna: it works.\nAnna: it does.", "Anna: it works.\nBen: it does not.\n@carla: which one?"),
        (
            "references",
            "See there.",
            "See #12, #13, ABC-14 and https://example.org/a and 3f786850e387550fdab836ed7e6dc881de23001b.",
        ),
    ],
)
def test_more_of_a_sign_makes_a_task_harder(sign: str, less: str, more: str):
    assert read(less).shown[sign] < read(more).shown[sign]
    assert score(less).parts.get(sign, 0.0) < score(more).parts[sign]


def test_routine_makes_a_task_easier():
    assert score("Bump the version of the worker").parts["routine"] < 0 < score("Think of the worker").parts["routine"]


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_more_files_never_make_a_task_easier(one: int, other: int):
    fewer, more = sorted((one, other))
    assert score(PLAIN, files=fewer).score <= score(PLAIN, files=more).score


@pytest.mark.parametrize(
    "text",
    [
        "Der Worker verliert die Sperre, weil die Verbindung erst nach dem Ende der Transaktion neu aufgebaut wird. ",
        "Le processus perd le verrou parce que la connexion est rétablie après la fin de la transaction. ",
        "トランザクションの終了後に接続が再確立されるため、ワーカーはロックを失います。",
        "Воркер теряет блокировку, потому что соединение восстанавливается после завершения транзакции. ",
        "工作进程丢失了锁，因为连接是在事务结束后才重新建立的。",
    ],
)
def test_another_language_is_neither_easy_nor_hard_for_its_words(text: str):
    found = score(text * 20)
    assert 0.1 < found.score < 0.9
    assert abs(found.parts.get("negation", 0.0)) < 0.8


def test_time_grows_with_the_text_and_no_further_than_what_is_read_of_it():
    def seconds(text: str) -> float:
        best = math.inf
        for _ in range(5):
            start = time.process_time()
            score(text, weights=FITTED)
            best = min(best, time.process_time() - start)
        return best

    whole = HARD * (READ_CHARACTERS // len(HARD))
    # In time of the processor, so that it counts for nothing what else the machine does. Linear would be 8.
    assert seconds(whole) < 40 * seconds(whole[: len(whole) // 8])
    assert seconds(whole * 100) < 10 * seconds(whole)


@pytest.mark.parametrize(
    "piece",
    ["\n", " ", "a", "0", "A1", "(i", "- ", "a: ", "a:\n", "://", "[a", "\n<@", " A", "#1", "A-", "''", "\u3040"],
)
def test_no_text_takes_long_for_what_it_is_made_of(piece: str):
    start = time.process_time()
    score(HARD * (READ_CHARACTERS // len(HARD)))
    usual = time.process_time() - start
    start = time.process_time()
    score(piece * (5_000_000 // len(piece)))
    assert time.process_time() - start < max(30 * usual, 0.5)


@given(any_text, st.sampled_from([1, 64, 4096]))
def test_a_word_has_one_slot_and_one_direction(word: str, slots: int):
    slot, sign = slot_of(word, slots)
    assert 0 <= slot < slots
    assert sign in {1, -1}
    assert slot_of(word, slots) == (slot, sign)


def test_slots_stay_where_they_are():
    """A file would otherwise mean something else in the next version."""
    assert [slot_of(word, 4096) for word in ("lock", "ünïcode", "日本")] == [(2830, 1), (1194, -1), (3532, 1)]


def test_words_do_not_add_up_with_the_length_of_a_text():
    weights = Weights(version="1", base=0.0, signs={}, words=(0.5,) * 4096)
    words = [f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(600)]
    assert abs(score(" ".join(words), weights=weights).parts[WORDS]) < 2.5


def test_every_weight_and_reason_stands_in_the_documentation():
    text = (Path(__file__).parents[3] / "docs/routing.md").read_text("utf-8")
    section = text[text.index("## Complexity") : text.index("## When it fails")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "| " in line][1:]
    assert {row[0]: (float(row[1].replace("−", "-")), row[3]) for row in rows} == {
        name: (weight, REASONS[name]) for name, weight in DEFAULT.signs.items()
    }

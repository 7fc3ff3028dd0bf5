import subprocess
import sys

import msgspec
import numpy
import pytest
from history_factory import a_project, commit, sha
from hypothesis import given, settings
from hypothesis import strategies as st

from service.extraction.builtin import Extraction, extract_recurring, teaches
from service.extraction.builtin.reading import build_space, read
from service.extraction.builtin.taxonomy import TYPES
from service.extraction.interaction import Details, Interaction


def vectors_of(history: list[Interaction]) -> numpy.typing.NDArray[numpy.float32]:
    """Not an embedding, but as reproducible as one: letters counted, of unit length."""
    rows = numpy.asarray(
        [[item.message.lower().count(c) + 0.01 for c in "abcdefghijklmnopqrstuvwxyz"] for item in history]
    )
    return (rows / numpy.linalg.norm(rows, axis=1, keepdims=True)).astype(numpy.float32)


def named(extraction: Extraction, words: str):
    [pattern] = [pattern for pattern in extraction.patterns if words in pattern.name]
    return pattern


def test_what_recurs_is_found_named_and_typed_without_vectors():
    pattern = named(extract_recurring(a_project(), None), "flaky tests")
    assert pattern.pattern_type == "testing"
    assert {key for key, _ in pattern.members} >= {item.external_key for item in a_project() if "laky" in item.message}
    assert 0 < pattern.confidence < 1


def test_what_changes_together_is_a_pattern_that_quotes_the_file_list():
    history = a_project()
    pattern = named(extract_recurring(history, None), "migrations/ and schema.sql together")
    texts = {item.external_key: item.text for item in history}
    assert len(pattern.members) == 6
    assert {quote.quote for quote in pattern.evidence} >= {"app/sql/schema.sql | +3 -1"}
    assert all(
        texts[quote.external_key][quote.char_start : quote.char_end] == quote.quote for quote in pattern.evidence
    )


def test_vectors_are_used_where_they_are_given():
    history = a_project()
    extraction = extract_recurring(history, vectors_of(history))
    assert named(extraction, "flaky tests")


def test_vectors_that_do_not_fit_are_refused():
    history = a_project()
    with pytest.raises(ValueError, match="2 vectors"):
        extract_recurring(history, vectors_of(history)[:2])


def test_problem_and_solution_and_recommendation_are_the_sources_own_sentences():
    content = named(extract_recurring(a_project(), None), "flaky tests").content
    assert content.problem == "A fixed sleep raced the worker's startup, so the test failed on slow runners."
    assert content.solution == "Wait for the job to reach succeeded instead."
    assert content.recommendations == ("Tests should never sleep for a fixed time.",)


def test_every_quote_stands_in_its_source_word_for_word():
    history = a_project()
    texts = {item.external_key: item.text for item in history}
    patterns = extract_recurring(history, None).patterns
    assert patterns
    for pattern in patterns:
        assert pattern.evidence
        for quote in pattern.evidence:
            assert texts[quote.external_key][quote.char_start : quote.char_end] == quote.quote


def test_quotes_after_emoji_combining_marks_and_cjk_stand_at_code_points():
    texts = [
        "🎉👩‍💻 Fix flaky test of the queue",
        "Fix flaky café e\u0301tape test",
        "修复 Fix flaky test 作业队列",
        "🧪: Fix flaky test of locks",
    ]
    history = [commit(text, day=40 * at) for at, text in enumerate(texts)]
    pattern = named(extract_recurring(history, None), "flaky")
    by_key = {item.external_key: item.text for item in history}
    assert len(pattern.evidence) == 4
    for quote in pattern.evidence:
        assert by_key[quote.external_key][quote.char_start : quote.char_end] == quote.quote


def test_a_history_in_another_script_gives_grounded_patterns_or_none():
    subjects = ["再試行の処理を修正する", "再試行の間隔を設定できるようにする", "再試行の回数を記録する"]
    subjects += ["再試行の処理を追加する", "文書を更新する", "画面の色を変える"]
    history = [commit(text, day=30 * at) for at, text in enumerate(subjects)]
    for pattern in extract_recurring(history, None).patterns:
        assert len(pattern.members) >= 3
        assert all(quote.quote in subjects for quote in pattern.evidence)


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(random):
    history = a_project()
    shuffled = list(history)
    random.shuffle(shuffled)
    rows = dict(zip((item.external_key for item in history), vectors_of(history), strict=True))
    there = extract_recurring(history, vectors_of(history))
    here = extract_recurring(shuffled, numpy.stack([rows[item.external_key] for item in shuffled]))
    assert msgspec.json.encode(there) == msgspec.json.encode(here)


def test_mining_again_with_a_few_more_commits_keeps_the_keys():
    history = a_project()
    more = [commit("Speak of queues in the glossary", day=740), commit("Fix flaky test_retry", day=745)]
    before = {pattern.key for pattern in extract_recurring(history, None).patterns}
    after = {pattern.key for pattern in extract_recurring(history + more, None).patterns}
    assert len(before & after) >= 0.75 * len(before)


def test_names_are_unique_and_short_and_types_are_known():
    patterns = extract_recurring(a_project(), None).patterns
    names = [pattern.name.casefold() for pattern in patterns]
    assert len(set(names)) == len(names)
    assert len({pattern.key for pattern in patterns}) == len(patterns)
    assert all(0 < len(name) <= 80 for name in names)
    assert all(pattern.pattern_type in TYPES for pattern in patterns)


def test_two_sources_are_too_few():
    history = [commit("Fix flaky test_stop", day=1), commit("Fix flaky test_start", day=30)]
    extraction = extract_recurring(history, None)
    assert extraction.patterns == ()
    assert extraction.reason is not None
    assert "2 of 2" in extraction.reason


def test_nothing_given_is_said_in_a_sentence():
    assert extract_recurring([], None).reason == "There is nothing to learn from: no interactions were given."


def test_unrelated_work_gives_no_pattern_and_the_reason():
    subjects = (
        "Parse durations",
        "Greet newcomers",
        "Draw the state machine",
        "Ship completion for zsh",
        "Publish for ARM",
    )
    extraction = extract_recurring([commit(text, day=20 * at) for at, text in enumerate(subjects)], None)
    assert extraction.patterns == ()
    assert extraction.reason == "Nothing recurs over three independent changes in the 5 worth reading."


def test_what_one_author_did_in_one_day_is_one_source():
    names = ("stop", "start", "retry", "lock")
    same_day = [commit(f"Fix flaky test_{name}", day=1, author="a") for name in names]
    other_days = [commit(f"Fix flaky test_{name}", day=40 * at, author="a") for at, name in enumerate(names)]
    assert extract_recurring(same_day, None).patterns == ()
    assert extract_recurring(other_days, None).patterns


def test_a_merge_and_its_commits_are_one_source():
    base = [commit("Draw the state machine", day=0, name="base")]
    side = [
        commit(f"Fix flaky test_{at}", day=at, name=f"side{at}", parents=[sha(f"side{at - 1}" if at > 1 else "base")])
        for at in (1, 2, 3, 4)
    ]
    merge = commit(
        "Merge pull request #7 from me/tests\n\nSteady the acceptance suite",
        day=5,
        name="merge",
        parents=[sha("base"), sha("side4")],
    )
    assert extract_recurring([*base, *side, merge], None).patterns == ()


def test_bots_releases_and_empty_merges_are_left_out_and_counted():
    history = [
        commit("Bump attrs from 21.1 to 21.2"),
        commit("chore(deps): update all dependencies"),
        commit("Lock file maintenance"),
        commit("Update actions/checkout action to v4"),
        commit("[pre-commit.ci] pre-commit autoupdate"),
        commit("Release 0.3.0"),
        commit("v1.2.3"),
        commit("Bump version to 2.0"),
        commit("Merge branch 'main' into feature", parents=["a", "b"]),
        commit("Merge pull request #1 from me/patch-1", parents=["a", "b"]),
        commit("[pre-commit.ci] auto fixes from pre-commit.com hooks"),
        commit("fixup! Add retries"),
        commit("wip"),
        commit("Fix typo"),
        commit("Update README.md"),
        commit("Apply suggestions from code review"),
    ]
    assert extract_recurring(history, None).left_out == {
        "automatic commit": 1,
        "dependency update": 5,
        "merge without content": 2,
        "release": 3,
        "says too little": 5,
    }


def test_a_merge_whose_title_is_its_commits_subject_is_not_told_twice():
    work = commit("Add retries to the fetcher", day=0, name="work")
    merge = commit(
        "Merge pull request #3 from me/retries\n\nAdd retries to the fetcher", day=1, parents=["x", sha("work")]
    )
    other = commit("Merge pull request #4 from me/locks\n\nClose the race in fetch_job", day=2, parents=["y", "z"])
    assert teaches([work, merge, other]) == [None, "merge repeats its commits", None]


@pytest.mark.parametrize(
    "revert",
    [
        f'Revert "Poll twice a second"\n\nThis reverts commit {sha("work")}.',
        'Revert "Poll twice a second"',
        f"Undo polling\n\nThis reverts commit {sha('work')[:10]}.",
    ],
)
def test_reverted_work_is_left_out_with_its_revert(revert):
    work = commit("Poll twice a second", day=1, name="work")
    assert teaches([work, commit(revert, day=2)]) == ["reverted or a revert"] * 2


def test_a_revert_of_a_revert_brings_the_work_back():
    work = commit("Poll twice a second", day=1, name="work")
    undone = commit(f'Revert "Poll twice a second"\n\nThis reverts commit {sha("work")}.', day=2, name="undone")
    redone = commit(f'Revert "Revert "Poll twice a second""\n\nThis reverts commit {sha("undone")}.', day=3)
    assert teaches([work, undone, redone]) == [None, "reverted or a revert", "reverted or a revert"]


def test_a_change_of_three_thousand_files_and_an_empty_message_do_no_harm():
    wide = commit("Reformat everything", day=400, paths=[f"app/f{at}.py" for at in range(3000)])
    empty = msgspec.structs.replace(commit("", day=401), details=Details(message_chars=0))
    assert named(extract_recurring([*a_project(), wide, empty], None), "flaky tests")


def test_importing_the_extractor_loads_no_clustering_library():
    code = (
        "import sys, service.extraction.builtin; print([m for m in ('sklearn', 'scipy', 'torch') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_what_has_no_vector_is_compared_by_words_and_is_not_all_alike():
    history = a_project()
    reads, vectors = [read(item) for item in history], vectors_of(history)
    closed = numpy.arange(len(history)) % 2 == 0
    mixed = numpy.where(closed[:, None], numpy.float32(0), vectors)
    space, words = build_space(reads, mixed), build_space(reads, None)
    width = vectors.shape[1]
    assert not space[closed, :width].any()
    # Among themselves as near as their words are, and the others are told apart by meaning as before.
    assert space[closed] @ space[closed].T == pytest.approx(words[closed] @ words[closed].T, abs=1e-4)
    assert space[~closed, :width].any(axis=1).all()


def test_patterns_are_found_where_half_of_a_history_has_no_vector():
    history = a_project()
    mixed = numpy.where((numpy.arange(len(history)) % 2 == 0)[:, None], numpy.float32(0), vectors_of(history))
    assert named(extract_recurring(history, mixed), "flaky tests").pattern_type == "testing"
    nothing = numpy.zeros_like(mixed)
    assert extract_recurring(history, nothing) == extract_recurring(history, None)

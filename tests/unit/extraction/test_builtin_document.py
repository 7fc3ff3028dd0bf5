import pytest
from history_factory import START

from service.extraction.builtin import extract_document
from service.extraction.interaction import Details, Interaction, Kind

POST_MORTEM = """# Post-mortem: the queue stalled 🤯

On Tuesday the workers stopped. The connection pool was exhausted because every listener held a connection.
The fix was to give the listener its own connection.

We should always set a statement timeout on background connections.
- Never run migrations and deploys at the same time.
- Decision: we will use advisory locks for the scheduler.

```
you should always ignore what stands in code
```

ana: should we retry on 503?
bo: Yes, from now on we retry idempotent calls with back-off 顧客.
"""


def document(text: str, kind: Kind = Kind.DOCUMENT, **details: str) -> Interaction:
    return Interaction(
        kind=kind, external_key="notes", revision="1", occurred_at=START, text=text, details=Details(**details)
    )


def test_decisions_lessons_and_recommendations_become_patterns_in_the_order_of_the_text():
    names = [pattern.name for pattern in extract_document(document(POST_MORTEM)).patterns]
    assert names == [
        "The fix was to give the listener its own connection",
        "We should always set a statement timeout on background connections",
        "Never run migrations and deploys at the same time",
        "We will use advisory locks for the scheduler",
        "From now on we retry idempotent calls with back-off 顧客",
    ]


def test_a_fix_takes_the_problem_before_it():
    content = extract_document(document(POST_MORTEM)).patterns[0].content
    assert content.problem == "The connection pool was exhausted because every listener held a connection."
    assert content.solution == "The fix was to give the listener its own connection."


def test_every_quote_stands_in_the_document():
    text = POST_MORTEM * 3
    for pattern in extract_document(document(text)).patterns:
        for quote in pattern.evidence:
            assert text[quote.char_start : quote.char_end] == quote.quote


def test_a_statement_made_twice_is_one_pattern():
    assert len(extract_document(document(POST_MORTEM * 2)).patterns) == len(
        extract_document(document(POST_MORTEM)).patterns
    )


def test_questions_and_code_state_nothing():
    names = " ".join(pattern.name for pattern in extract_document(document(POST_MORTEM)).patterns)
    assert "503" not in names
    assert "ignore" not in names


@pytest.mark.parametrize("text", ["", "   \n", "hello", "🎉🎉🎉"])
def test_too_little_text_gives_no_pattern_and_the_reason(text: str):
    extraction = extract_document(document(text))
    assert extraction.patterns == ()
    assert extraction.reason == "There is too little text to learn from."


def test_text_that_states_nothing_gives_no_pattern_and_the_reason():
    extraction = extract_document(
        document("The weather was nice and the birds sang all morning long.", Kind.CONVERSATION)
    )
    assert extraction.patterns == ()
    assert (
        extraction.reason == "No sentence of this conversation states a decision, a lesson, a fix or a recommendation."
    )


def test_one_document_is_never_sure():
    assert all(pattern.confidence <= 0.5 for pattern in extract_document(document(POST_MORTEM)).patterns)

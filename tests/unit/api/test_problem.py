"""Every error has a code, every code a row, and each side is told what is its business."""

import re
from pathlib import Path

import pytest
from litestar.exceptions import HTTPException, NotFoundException, ValidationException

from service.api.problem import FieldError, FieldsInvalid, problem_of
from service.api.problem_kinds import KINDS
from service.errors import DatabaseUnavailable, EmbeddingModelChanged, MotifError, NotFound

DOCUMENT = Path(__file__).parents[3] / "docs" / "errors.md"


def codes_of(error: type[MotifError]) -> set[str]:
    return {error.code}.union(*(codes_of(below) for below in error.__subclasses__()))


def test_every_error_has_a_row():
    assert codes_of(MotifError) <= set(KINDS)


def test_the_document_lists_every_code_with_its_status():
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert {code: int(status) for code, status in rows} == {code: kind.status for code, kind in KINDS.items()}
    assert len(rows) == len(KINDS)


def test_the_caller_reads_what_is_wrong_with_the_request():
    problem = problem_of(NotFound("There is no project named 'x'.", fix="Projects: y."), "/there")
    assert (problem.status, problem.detail, problem.fix) == (404, "There is no project named 'x'.", "Projects: y.")
    assert (problem.type, problem.instance) == ("/problems/not-found", "/there")


def test_the_caller_does_not_read_what_is_wrong_with_the_machine():
    error = DatabaseUnavailable("The server at 10.1.2.3 refused role motif.", fix="Check the password.")
    problem = problem_of(error, "/")
    assert problem.status == 503
    assert "10.1.2.3" not in problem.detail + problem.fix
    assert "password" not in problem.fix


def test_the_caller_reads_that_the_model_changed_and_what_to_run():
    error = EmbeddingModelChanged("Rows are of a, the setting is b.", fix="Run `motif embeddings rebuild`.")
    problem = problem_of(error, "/")
    assert (problem.detail, problem.fix) == (error.message, error.fix)


@pytest.mark.parametrize(
    "error", [ValueError("secret"), RuntimeError("secret"), HTTPException("secret", status_code=502)]
)
def test_what_nobody_foresaw_tells_nothing(error: Exception):
    problem = problem_of(error, "/")
    assert (problem.status, problem.code) == (500, "internal")
    assert "secret" not in str(problem)


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "request-malformed"), (405, "method-not-allowed"), (413, "body-too-large"), (418, "request-malformed")],
)
def test_litestars_refusals_have_codes_too(status: int, code: str):
    assert problem_of(HTTPException(status_code=status), "/").code == code


def test_unknown_addresses_are_not_unknown_things():
    assert problem_of(NotFoundException(), "/").code == "route-unknown"


def test_wrong_fields_are_listed():
    wrong = (FieldError("limit", "Expected `int` >= 1"), FieldError("colour", "Unknown field"))
    problem = problem_of(FieldsInvalid(wrong), "/")
    assert problem.errors == wrong
    assert problem.detail == "limit: Expected `int` >= 1; colour: Unknown field."


def test_a_missing_body_is_named_as_such():
    error = ValidationException("no", extra=[{"key": "data", "message": "'data'", "source": "body"}])
    assert problem_of(error, "/").errors == (FieldError("body", "Missing, and needed"),)

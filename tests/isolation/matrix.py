"""Who may do what, once and for every path: a row for each table, told in kinds of callers.

`client`: through PostgREST, with a token of their own. `api`: what the service may do in a caller's name. `service`:
the worker and whoever holds the service's secret key. What is not named is refused.
"""

from typing import NamedTuple

from tenants import OURS, PATTERN, SOURCE, VIC

Callers = frozenset[str]


def _callers(*names: str) -> Callers:
    return frozenset(names)


NOBODY = _callers()
ADMINS = _callers("admin")
PEOPLE_WHO_WRITE = ADMINS | {"member"}
WRITERS = PEOPLE_WHO_WRITE | {"write key"}
READERS = WRITERS | {"viewer", "read key"}
OPERATORS = _callers("operator")
SIGNED_IN = READERS | OPERATORS | {"outsider", "revoked key", "outdated key"}
PEOPLE = PEOPLE_WHO_WRITE | OPERATORS | {"viewer", "outsider"}


class Rights(NamedTuple):
    """Who may do each of the four."""

    select: Callers = NOBODY
    insert: Callers = NOBODY
    update: Callers = NOBODY
    delete: Callers = NOBODY


class Row(NamedTuple):
    """One table."""

    client: Rights
    api: Rights
    service: str = "select insert update delete"


READ = Rights(select=READERS)
NOTHING = Rights()
_KEPT = "select insert update"

MATRIX = {
    # Made by a function alone, which asks for the permission and makes its maker the admin.
    "projects": Row(READ, Rights(select=READERS | OPERATORS, update=ADMINS)),
    "project_members": Row(
        READ, Rights(READERS | OPERATORS, ADMINS | OPERATORS, ADMINS | OPERATORS, ADMINS | OPERATORS)
    ),
    "sources": Row(READ, Rights(READERS, WRITERS, ADMINS)),
    "audit": Row(NOTHING, Rights(select=ADMINS | OPERATORS), service="select"),
    "agent_keys": Row(NOTHING, Rights(select=ADMINS, insert=PEOPLE_WHO_WRITE, update=ADMINS)),
    "installation_roles": Row(NOTHING, Rights(select=OPERATORS, insert=OPERATORS, delete=OPERATORS)),
    "interactions": Row(Rights(select=READERS, insert=WRITERS), Rights(READERS, WRITERS)),
    "tasks": Row(READ, READ),
    "embedding_models": Row(Rights(select=SIGNED_IN), Rights(select=SIGNED_IN)),
    "interaction_embeddings": Row(NOTHING, READ),
    "patterns": Row(READ, Rights(READERS, WRITERS, WRITERS)),
    "pattern_stats": Row(READ, Rights(select=READERS, insert=WRITERS)),
    "pattern_versions": Row(READ, Rights(select=READERS, insert=WRITERS, update=WRITERS)),
    "pattern_evidence": Row(READ, Rights(select=READERS, insert=WRITERS, delete=WRITERS)),
    "pattern_relationships": Row(READ, Rights(select=READERS, insert=WRITERS, delete=WRITERS)),
    "pattern_validations": Row(Rights(select=READERS, insert=WRITERS), Rights(select=READERS, insert=WRITERS)),
    "pattern_usage": Row(Rights(select=READERS, insert=WRITERS), Rights(select=READERS, insert=WRITERS)),
    "pattern_events": Row(READ, READ, service="select"),
    "pattern_embeddings": Row(READ, Rights(READERS, WRITERS, WRITERS, WRITERS)),
    "pattern_terms": Row(READ, Rights(select=READERS, insert=WRITERS, delete=WRITERS)),
    # A project's, as the statements ask; those of the installation are set by operators, see tests/sql.
    "budgets": Row(NOTHING, Rights(select=ADMINS | OPERATORS, insert=ADMINS, update=ADMINS), _KEPT),
    "budget_periods": Row(NOTHING, Rights(select=ADMINS | OPERATORS), _KEPT),
    "budget_alerts": Row(NOTHING, Rights(select=ADMINS | OPERATORS), _KEPT),
    "reservations": Row(NOTHING, NOTHING),
    "ledger": Row(NOTHING, Rights(select=ADMINS | OPERATORS), _KEPT),
    "model_outcomes": Row(NOTHING, NOTHING),
    "model_cooldowns": Row(NOTHING, NOTHING),
}

# Whom a match tells of a pattern and what it rests on: those who may read every table that it looks into.
MATCH = READERS
MATCHED_TABLES = (
    "patterns",
    "pattern_terms",
    "pattern_embeddings",
    "pattern_stats",
    "pattern_evidence",
    "interactions",
)

# Functions that a caller of the service reaches and that change something, with how each is asked for our project.
DOORS = {
    "motif.create_project(text)": ("select motif.create_project('made')", OPERATORS),
    "motif.erase_pattern(uuid,uuid)": (f"select motif.erase_pattern('{OURS}', '{PATTERN}')", PEOPLE_WHO_WRITE),
    "motif.erase_source(uuid,uuid)": (f"select motif.erase_source('{OURS}', '{SOURCE}')", ADMINS),
    "motif.erase_person(uuid,text)": (f"select motif.erase_person('{OURS}', '{VIC}')", ADMINS),
    "motif.foresee_person(uuid,text)": (f"select motif.foresee_person('{OURS}', '{VIC}')", ADMINS),
    "motif.erase_project(uuid)": (f"select motif.erase_project('{OURS}')", ADMINS | OPERATORS),
    "motif.erase_me()": ("select count(*) from motif.erase_me()", PEOPLE),
}
DOORS_OF_THE_SERVICE = {
    "motif.erase_pattern(uuid,uuid)",
    "motif.erase_source(uuid,uuid)",
    "motif.erase_person(uuid,text)",
    "motif.foresee_person(uuid,text)",
    "motif.erase_project(uuid)",
}
# Those that answer about the asker alone, or about what they hand in, and change nothing.
QUESTIONS = {
    "authenticated": {
        "motif.candidates_by_index(motif.match_query,uuid[])",
        "motif.candidates_by_scan(motif.match_query)",
        "motif.count_corpus(smallint,uuid[],uuid[],text[])",
        "motif.count_left(motif.match_query)",
        "motif.match_candidates(motif.match_query)",
        "motif.nearest_by_index(motif.match_query,integer)",
        "motif.actor()",
        "motif.is_person()",
        "motif.my_project_ids()",
        "motif.my_projects()",
        "motif.my_projects(text[])",
        "motif.my_roles()",
    },
    "motif_api": {
        "motif.candidates_by_index(motif.match_query,uuid[])",
        "motif.candidates_by_scan(motif.match_query)",
        "motif.count_corpus(smallint,uuid[],uuid[],text[])",
        "motif.count_left(motif.match_query)",
        "motif.match_candidates(motif.match_query)",
        "motif.nearest_by_index(motif.match_query,integer)",
        "motif.keep_visibility()",
        "motif.check_quote()",
        "motif.is_operator()",
        "motif.actor()",
        "motif.is_person()",
        "motif.lock_project(uuid)",
        "motif.may_create_projects()",
        "motif.my_project_ids()",
        "motif.my_projects()",
        "motif.my_projects(text[])",
        "motif.my_roles()",
        "motif.quality_score(jsonb,real)",
        "motif.refuse_agent()",
        "motif.drop_odd_link()",
        "motif.count_held_back(date,date,uuid)",
        "motif.pull_requests_called(date,date,uuid)",
    },
}

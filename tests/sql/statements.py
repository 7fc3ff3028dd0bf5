"""For every table one statement a kind that touches our project, each of which works for whoever may do it."""

from tenants import ANA, BOB, BUDGET, INTERACTION, NEW, OLE, OURS, PATTERN, SECOND, SECOND_INTERACTION, SOURCE, VIC

# Whoever asks, where a row must say who made it.
SELF = "auth.uid()"

# A row that is not there yet, as the API writes it.
INSERT = {
    "projects": f"insert into projects (name, created_by) values ('new', {SELF})",
    "project_members": f"insert into project_members (project_id, user_id, role) values ('{OURS}', '{NEW}', 'member')",
    "sources": f"insert into sources (project_id, kind, name, external_id) values ('{OURS}', 'chat', 'n', 'n')",
    "audit": f"insert into audit (project_id, actor, action) values ('{OURS}', 'somebody', 'looked')",
    "interactions": f"""
        insert into interactions (project_id, source_id, kind, external_key, occurred_at, text)
        values ('{OURS}', '{SOURCE}', 'document', 'new', now(), 't')""",
    "tasks": f"""
        insert into tasks (project_id, interaction_id, type, prompt_version, input_hash, decision, reason, state)
        values ('{OURS}', '{INTERACTION}', 'decision_making', '1', 'x', 'd', 'r', 'done')""",
    "embedding_models": "insert into embedding_models (id, name, dimension) values (9, 'new', 2)",
    "interaction_embeddings": f"""
        insert into interaction_embeddings (model_id, project_id, interaction_id, embedding)
        values (0, '{OURS}', '{SECOND_INTERACTION}', '[1,0]')""",
    "patterns": f"""
        insert into patterns (project_id, name, pattern_type, context_hash, extraction_method)
        values ('{OURS}', 'new', 'general', 'new', 'manual')""",
    "pattern_stats": f"insert into pattern_stats (project_id, pattern_id) values ('{OURS}', '{SECOND}')",
    "pattern_versions": f"""
        insert into pattern_versions (project_id, pattern_id, number, snapshot, created_by)
        values ('{OURS}', '{PATTERN}', 2, '{{}}', 'somebody')""",
    "pattern_evidence": f"""
        insert into pattern_evidence (project_id, pattern_id, version, interaction_id, quote, char_start, char_end)
        values ('{OURS}', '{PATTERN}', 1, '{INTERACTION}', 'retry', 3, 8)""",
    "pattern_relationships": f"""
        insert into pattern_relationships (project_id, source_pattern_id, target_pattern_id, relationship_type,
                                           extraction_method)
        values ('{OURS}', '{PATTERN}', '{SECOND}', 'precedes', 'manual')""",
    "pattern_validations": f"""
        insert into pattern_validations (project_id, pattern_id, validation_type, result, validated_by, validator_id)
        values ('{OURS}', '{PATTERN}', 'usage', true,
                case when auth.jwt() ->> 'agent_key' is null then 'user' else 'llm' end, {SELF})""",
    "pattern_usage": f"""
        insert into pattern_usage (project_id, pattern_id, idempotency_key, outcome, user_id)
        values ('{OURS}', '{PATTERN}', 'new', 'failed', {SELF})""",
    "pattern_events": f"""
        insert into pattern_events (project_id, pattern_id, kind, version)
        values ('{OURS}', '{PATTERN}', 'updated', 1)""",
    "pattern_embeddings": f"""
        insert into pattern_embeddings (model_id, project_id, pattern_id, pattern_type, status, tags, quality,
                                        length_name, length_body)
        values (0, '{OURS}', '{SECOND}', 'general', 'active', '{{}}', 1, 1, 1)""",
    "pattern_terms": f"insert into pattern_terms values ('{OURS}', 'new', '{PATTERN}', 1, 1)",
    "agent_keys": f"""
        insert into agent_keys (project_id, name, key_hash, scopes, created_by)
        values ('{OURS}', 'new', sha256('new'), '{{read}}', coalesce({SELF}, '{BOB}'))""",
    "installation_roles": f"insert into installation_roles (user_id, role) values ('{NEW}', 'project_creator')",
    # Each has one from the start: it is made where there is none, else set.
    "budgets": f"""
        insert into budgets (kind, project_id, day_limit_nusd) values ('project', '{OURS}', 20)
        on conflict (key) do update set day_limit_nusd = excluded.day_limit_nusd""",
    "budget_periods": f"""
        insert into budget_periods (budget_id, period, starts_on) values ('{BUDGET}', 'day', '2026-01-01')""",
    "budget_alerts": f"""
        insert into budget_alerts (budget_id, period, starts_on, percent, limit_nusd, settled_nusd)
        values ('{BUDGET}', 'day', '2026-01-01', 50, 10, 5)""",
    "reservations": f"""
        insert into reservations (id, project_id, vendor, model, pool, amount_nusd, day, expires_at)
        values (gen_random_uuid(), '{OURS}', 'v', 'm', 'normal', 1, '2026-01-01', now())""",
    "ledger": f"""
        insert into ledger (project_id, task_type, reason, vendor, model_asked, place, result, day)
        values ('{OURS}', 't', 'r', 'v', 'm', 'local', 'ok', '2026-01-01')""",
    "model_outcomes": "insert into model_outcomes (model, task_type, band) values ('new', 't', 0)",
    "model_cooldowns": "insert into model_cooldowns (vendor, until, reason) values ('new', now(), 'r')",
}
# Those of the installation are an operator's.
INSERT_TOTAL = """
insert into budgets (kind, day_limit_nusd) values ('total', 20)
on conflict (key) do update set day_limit_nusd = excluded.day_limit_nusd"""
UPDATE_TOTAL = "update budgets set day_limit_nusd = day_limit_nusd where kind = 'total'"

# A change that says nothing new where that will do, so that it breaks no other rule.
SETTING = {
    "projects": "name = name",
    "project_members": "role = role",
    "sources": "name = name",
    "audit": "actor = actor",
    "interactions": "state = state",
    "tasks": "state = state",
    "embedding_models": "active = active",
    "interaction_embeddings": "embedding = embedding",
    "patterns": "description = 'new'",
    "pattern_stats": "match_count = match_count",
    "pattern_versions": "status = status",
    "pattern_evidence": "link = link",
    "pattern_relationships": "strength = strength",
    "pattern_validations": "result = result",
    "pattern_usage": "outcome = outcome",
    "pattern_events": "kind = kind",
    "pattern_embeddings": "quality = quality",
    "pattern_terms": "in_name = in_name",
    "agent_keys": "revoked_at = now()",
    "installation_roles": "role = role",
    "budgets": "day_limit_nusd = day_limit_nusd",
    "budget_periods": "settled_nusd = settled_nusd",
    "budget_alerts": "percent = percent",
    "reservations": "state = state",
    "ledger": "result = result",
    "model_outcomes": "successes = successes",
    "model_cooldowns": "reason = reason",
}

# Which rows are meant, where it is not all of our project's: what everybody has, or has too few of, is left aside.
WHERE = {
    "projects": f"id = '{OURS}'",
    "project_members": f"project_id = '{OURS}' and user_id = '{VIC}'",
    "embedding_models": "id = 8",
    "agent_keys": f"project_id = '{OURS}' and created_by = '{BOB}'",
    "installation_roles": f"user_id = '{OLE}'",
    "budget_periods": f"budget_id = '{BUDGET}'",
    "budget_alerts": f"budget_id = '{BUDGET}'",
    "model_outcomes": "model = 'v/m'",
    "model_cooldowns": "vendor = 'v'",
}
# Who leaves of themselves.
LEAVING = f"delete from project_members where project_id = '{OURS}' and user_id = '{ANA}'"


def where(table: str) -> str:
    return WHERE.get(table, f"project_id = '{OURS}'")


def select(table: str) -> str:
    return f"select from {table} where {where(table)}"


def update(table: str) -> str:
    return f"update {table} set {SETTING[table]} where {where(table)}"


def delete(table: str) -> str:
    return f"delete from {table} where {where(table)}"

"""Every kind of problem the API answers with: one row for each code. docs/errors.md is held against it."""

from enum import Enum

import msgspec


class Audience(Enum):
    """Whom an error's own message is for; the other one is told the code and the general text."""

    CALLER = "caller"  # speaks of the request: answered, and kept out of the log, since it may quote it
    OPERATOR = "operator"  # speaks of the machine: logged, and kept out of the answer
    BOTH = "both"  # speaks of neither's secrets


class Kind(msgspec.Struct, frozen=True):
    """What all problems of one code share. `fix` stands in where an error brings none, or must not be quoted."""

    status: int
    title: str
    fix: str
    audience: Audience = Audience.CALLER


_OPERATOR_FIX = "Run `motif doctor` where the service runs."
_MODELS_FIX = "Run `motif models doctor` where the service runs."

KINDS: dict[str, Kind] = {
    # What is wrong with a request
    "body-unreadable": Kind(400, "The body is not JSON.", "Send one JSON object, encoded in UTF-8."),
    "request-malformed": Kind(400, "The request is malformed.", "Check its headers and its address."),
    "token-missing": Kind(401, "Nothing says who asks.", "Send a token in Authorization: Bearer."),
    "token-invalid": Kind(401, "The token cannot be used.", "Sign in again, or ask for another key."),
    "token-expired": Kind(401, "The token's time is over.", "Sign in again, or ask for another key."),
    "access": Kind(403, "This is not allowed.", "Ask an admin of the project."),
    "forbidden": Kind(403, "This is not allowed.", "Ask an admin of the project."),
    "host-refused": Kind(403, "The request names another host.", "Use a name that MOTIF_ALLOWED_HOSTS lists."),
    "origin-refused": Kind(403, "The request comes from another site's page.", "Send it without a browser in between."),
    "route-unknown": Kind(404, "There is no such address.", "GET /docs lists the ones there are."),
    "not-found": Kind(404, "There is no such thing, or not for this caller.", "Check its name or id."),
    "method-not-allowed": Kind(
        405, "This address does not take that method.", "The header Allow lists those it takes."
    ),
    "conflict": Kind(
        409, "A name or key is taken, or a rule would be broken.", "Choose another one, or do what the message says."
    ),
    "precondition-failed": Kind(
        412, "It was changed since it was read.", "Read it again, and send the change with its new ETag in If-Match."
    ),
    "body-too-large": Kind(413, "The body is too large.", "Send at most 512 KiB, of an interaction 8 MiB."),
    "media-type-unsupported": Kind(415, "The body's type is not understood.", "Send Content-Type: application/json."),
    "request-invalid": Kind(422, "A value cannot be used.", "GET /docs shows every field and its bounds."),
    "intake": Kind(422, "What was sent cannot be learned from.", "Check what was sent."),
    "not-a-repository": Kind(422, "The folder is not a git repository.", "Name a folder with a .git in it."),
    "repository-incomplete": Kind(
        422, "The repository has no history or objects are missing.", "Run `git fetch --unshallow`."
    ),
    "input-invalid": Kind(422, "A file or a line of it cannot be read.", "Mend the line that is named."),
    "precondition-required": Kind(
        428, "The change does not say what it was made from.", "Send the ETag of what was read in If-Match."
    ),
    "rate-limited": Kind(429, "Too many requests.", "Wait for the seconds that Retry-After says."),
    # What is wrong with the service
    "internal": Kind(
        500, "Something failed inside the service.", "Look up the request's id in the service's log.", Audience.OPERATOR
    ),
    "configuration-invalid": Kind(500, "A setting cannot be used.", _OPERATOR_FIX, Audience.OPERATOR),
    "port-in-use": Kind(500, "The port to listen on is taken.", _OPERATOR_FIX, Audience.OPERATOR),
    "token-keys-unavailable": Kind(
        503, "The keys that tokens are checked with cannot be fetched.", _OPERATOR_FIX, Audience.OPERATOR
    ),
    "data-folder": Kind(503, "The data folder cannot be used.", _OPERATOR_FIX, Audience.OPERATOR),
    "data-folder-unwritable": Kind(503, "The data folder cannot be written.", _OPERATOR_FIX, Audience.OPERATOR),
    "data-folder-too-new": Kind(503, "The data folder is of a newer Motif.", _OPERATOR_FIX, Audience.OPERATOR),
    "database": Kind(503, "The database cannot be used.", _OPERATOR_FIX, Audience.OPERATOR),
    "database-unavailable": Kind(503, "The database does not answer.", _OPERATOR_FIX, Audience.OPERATOR),
    "database-unfit": Kind(503, "The database lacks what Motif needs.", _OPERATOR_FIX, Audience.OPERATOR),
    "schema-collision": Kind(
        503, "The database holds other tables under Motif's names.", _OPERATOR_FIX, Audience.OPERATOR
    ),
    "schema-mismatch": Kind(503, "The database's migrations are not this Motif's.", _OPERATOR_FIX, Audience.OPERATOR),
    "embedding": Kind(503, "Texts cannot be embedded.", _OPERATOR_FIX, Audience.OPERATOR),
    "embedding-unavailable": Kind(503, "The embedding model cannot be used.", _OPERATOR_FIX, Audience.OPERATOR),
    "embedding-model-changed": Kind(
        503, "Patterns were embedded with another model.", "Run `motif embeddings rebuild`.", Audience.BOTH
    ),
    "models": Kind(503, "Language models cannot be used.", _MODELS_FIX, Audience.OPERATOR),
    "models-unavailable": Kind(503, "No language model brings an answer.", _MODELS_FIX, Audience.OPERATOR),
    "vendor-unavailable": Kind(503, "A vendor of language models does not answer.", _MODELS_FIX, Audience.OPERATOR),
    "budget-spent": Kind(
        503, "The budget for language models is spent.", "`motif costs report` shows what is left.", Audience.OPERATOR
    ),
}

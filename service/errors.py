"""The errors of the service. They know what went wrong and how to mend it, not how they are shown (HTTP or terminal).

MotifError
├── ConfigurationError          a setting that cannot be used
├── DataFolderError             the data folder cannot be used
│   ├── DataFolderUnwritable
│   └── DataFolderTooNew        written by a newer Motif
├── DatabaseError
│   ├── DatabaseUnavailable     cannot be started or reached
│   ├── DatabaseUnfit           reached, but lacks what Motif needs (Supabase's roles, pgvector)
│   ├── SchemaCollision         holds other tables under our names
│   └── SchemaMismatch          its migrations are newer than this Motif, or not applied
├── IntakeError                 something that should be learned from cannot be read
│   ├── NotARepository
│   ├── RepositoryIncomplete    empty, shallow, or objects missing
│   └── InputInvalid            a file or a line of it
├── EmbeddingError
│   ├── EmbeddingUnavailable    the model or what runs it is missing
│   └── EmbeddingModelChanged   rows were embedded with another model
├── ModelError                  something about language models
│   ├── ModelsUnavailable       none that may be asked brings an answer
│   ├── VendorUnavailable       a vendor does not answer, or not as it should
│   └── BudgetSpent             what is left does not hold what a call may cost
├── RequestInvalid              a value out of its range
├── AccessError                 who asks, or what they may
│   ├── TokenMissing
│   ├── TokenInvalid            not ours, not whole, or not for this
│   ├── TokenExpired
│   ├── TokenKeysUnavailable    the keys that tokens are checked with cannot be fetched
│   ├── Forbidden               known, but not allowed
│   └── RateLimited
├── NotFound                    no such thing, or not for this caller
├── Conflict                    a name or key that is taken, or a rule that what is there would break
├── PreconditionFailed          it was changed since it was read
├── PreconditionRequired        a change must say what it was made from
└── PortInUse
"""

from typing import ClassVar


class MotifError(Exception):
    """What went wrong, in one line, and `fix`: what to do about it."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()


class ConfigurationError(MotifError):
    """A setting that cannot be used."""

    code = "configuration-invalid"


class DataFolderError(MotifError):
    """The data folder cannot be used."""

    code = "data-folder"


class DataFolderUnwritable(DataFolderError):
    """The data folder cannot be created or written."""

    code = "data-folder-unwritable"


class DataFolderTooNew(DataFolderError):
    """The data folder was written by a newer Motif."""

    code = "data-folder-too-new"


class DatabaseError(MotifError):
    """Something about the database."""

    code = "database"


class DatabaseUnavailable(DatabaseError):
    """The database cannot be started or reached."""

    code = "database-unavailable"


class DatabaseUnfit(DatabaseError):
    """The database was reached but lacks what Motif needs."""

    code = "database-unfit"


class SchemaCollision(DatabaseError):
    """The database holds other tables under our names."""

    code = "schema-collision"


class SchemaMismatch(DatabaseError):
    """The database's migrations and this Motif's are not the same."""

    code = "schema-mismatch"


class IntakeError(MotifError):
    """Something that should be learned from cannot be read."""

    code = "intake"


class NotARepository(IntakeError):
    """The folder is not a git repository."""

    code = "not-a-repository"


class RepositoryIncomplete(IntakeError):
    """The repository is empty, shallow, or has objects missing."""

    code = "repository-incomplete"


class InputInvalid(IntakeError):
    """A file, or a line of it, is not what it should be."""

    code = "input-invalid"


class EmbeddingError(MotifError):
    """Something about embeddings."""

    code = "embedding"


class EmbeddingUnavailable(EmbeddingError):
    """The embedding model, or what runs it, is missing."""

    code = "embedding-unavailable"


class EmbeddingModelChanged(EmbeddingError):
    """Rows were embedded with a model other than the one that is set."""

    code = "embedding-model-changed"


class ModelError(MotifError):
    """Something about language models."""

    code = "models"


class ModelsUnavailable(ModelError):
    """No model that may be asked brings an answer."""

    code = "models-unavailable"


class VendorUnavailable(ModelError):
    """A vendor of models does not answer, or not as it should."""

    code = "vendor-unavailable"


class BudgetSpent(ModelError):
    """What is left of a budget does not hold what a call may cost."""

    code = "budget-spent"


class RequestInvalid(MotifError):
    """A value out of its range."""

    code = "request-invalid"


class NotFound(MotifError):
    """No such thing, or not for this caller."""

    code = "not-found"


class Conflict(MotifError):
    """A name or key that is taken."""

    code = "conflict"


class PreconditionFailed(MotifError):
    """What is to be changed is not what the caller read."""

    code = "precondition-failed"


class PreconditionRequired(MotifError):
    """A change that does not say what it was made from."""

    code = "precondition-required"


class AccessError(MotifError):
    """Something about who asks and what they may."""

    code = "access"


class TokenMissing(AccessError):
    """Nothing says who asks."""

    code = "token-missing"


class TokenInvalid(AccessError):
    """A token or key that is not ours, not whole, revoked, or not for this."""

    code = "token-invalid"


class TokenExpired(AccessError):
    """A token or key whose time is over."""

    code = "token-expired"


class TokenKeysUnavailable(AccessError):
    """The keys that tokens are checked with cannot be fetched."""

    code = "token-keys-unavailable"


class Forbidden(AccessError):
    """Known, but not allowed."""

    code = "forbidden"


class RateLimited(AccessError):
    """Too many requests; `retry_after_s` says when the next one is welcome."""

    code = "rate-limited"

    def __init__(self, message: str, *, fix: str = "", retry_after_s: int = 1) -> None:
        super().__init__(message, fix=fix)
        self.retry_after_s = retry_after_s


class PortInUse(MotifError):
    """The port to listen on is taken."""

    code = "port-in-use"

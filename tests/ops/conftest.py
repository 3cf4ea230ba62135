"""The operator's side: both databases, as the store's tests have them."""

from tests.harness.postgres import postgres_server, postgres_url
from tests.store.conftest import clock, db, emptied_postgres_url, migrated_url, sqlite_file, sqlite_template

__all__ = [
    "clock",
    "db",
    "emptied_postgres_url",
    "migrated_url",
    "postgres_server",
    "postgres_url",
    "sqlite_file",
    "sqlite_template",
]

"""A token that we changed ourselves is kept until the operator sets another, and one process at a time changes it."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.store.connection_tokens import ConnectionToken
from app.store.database import Database


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "master.key"


def shelf(db: Database, key_file: Path, seed: str = "glpat-seed", connection: str = "gitlab") -> ConnectionToken:
    return ConnectionToken(db, key_file, connection=connection, seed=SecretStr(seed))


async def token_of(kept: ConnectionToken) -> str:
    return (await kept.token()).get_secret_value()


async def test_the_operator_s_counts_until_we_changed_it_and_again_when_it_is_another(
    db: Database, key_file: Path
) -> None:
    kept = shelf(db, key_file)
    assert (await token_of(kept), key_file.exists()) == ("glpat-seed", False)
    assert await kept.begin()
    assert await token_of(kept) == "glpat-seed"
    await kept.save(SecretStr("glpat-changed"))
    again = shelf(db, key_file)
    assert (await token_of(again), await again.begun_at()) == ("glpat-changed", None)
    assert await token_of(shelf(db, key_file, connection="other")) == "glpat-seed"
    assert await token_of(shelf(db, key_file, "glpat-set-anew")) == "glpat-set-anew"
    await kept.forget()
    assert await token_of(again) == "glpat-seed"


async def test_a_change_that_is_begun_twice_is_begun_once(db: Database, key_file: Path) -> None:
    begun = await asyncio.gather(*(shelf(db, key_file).begin() for _ in range(4)))
    assert sorted(begun) == [False, False, False, True]
    kept = shelf(db, key_file)
    assert await kept.begun_at() is not None
    # A new token of the operator's ends the doubt about the old one.
    anew = shelf(db, key_file, "glpat-set-anew")
    assert await anew.begun_at() is None
    assert await anew.begin()
    await anew.call_off()
    assert (await anew.begun_at(), await token_of(anew)) == (None, "glpat-set-anew")

"""Repositories and places for tests of checkouts."""

from pathlib import Path

import pytest

from tests.checkouts.repos import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository with one commit on main."""
    repo = Repo.create(tmp_path / "work")
    repo.commit({"README.md": "# Shop\n", "shop/cart.py": "def total(items):\n    return sum(items)\n"})
    return repo

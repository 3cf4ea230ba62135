"""What is kept of a command's output: always its beginning and its end, whatever the pieces it comes in."""

from hypothesis import given
from hypothesis import strategies as st

from app.sandboxes.inside.spool import Spool


def heard(spool: Spool, offset: int, piece: int) -> dict[int, int]:
    """Byte by place, as a listener would hear it after the end."""
    found = dict[int, int]()
    while True:
        at, data = spool.read(offset, piece, ended=True)
        if not data:
            return found
        assert at >= offset
        found |= dict(enumerate(data, at))
        offset = at + len(data)


@given(st.lists(st.binary(max_size=50)), st.integers(0, 40), st.integers(0, 300), st.integers(1, 30))
def test_head_and_tail_are_kept_to_the_byte(pieces: list[bytes], limit: int, offset: int, piece: int) -> None:
    spool = Spool(limit)
    for each in pieces:
        spool.add(each)
    whole = b"".join(pieces)
    kept = set(range(min(limit // 2, len(whole)))) | set(range(max(0, len(whole) - (limit - limit // 2)), len(whole)))
    assert spool.total == len(whole)
    assert heard(spool, offset, piece) == {at: whole[at] for at in kept if at >= offset}


def test_a_flood_costs_no_more_than_what_is_kept() -> None:
    spool = Spool(1000)
    for _ in range(300):
        spool.add(b"x" * 65536)
    assert spool.total == 300 * 65536
    assert len(heard(spool, 0, 65536)) == 1000


def test_while_it_runs_only_the_beginning_is_told() -> None:
    """The end may still change."""
    spool = Spool(10)
    spool.add(b"abcdefgh")
    assert spool.read(0, 100, ended=False) == (0, b"abcde")
    assert spool.read(5, 100, ended=False) == (5, b"")
    assert spool.read(5, 100, ended=True) == (5, b"fgh")


def test_what_is_forgotten_is_still_counted() -> None:
    spool = Spool(10)
    spool.add(b"abc")
    spool.forget()
    assert spool.read(0, 100, ended=True) == (3, b"")
    assert spool.total == 3

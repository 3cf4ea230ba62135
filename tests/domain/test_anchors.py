"""Quotes are found where they stand, and only there."""

import pytest

from app.domain.anchors import Anchor, find, find_quote
from tests.domain.diffs import file_change

OLD = """\
import time

def charge(order):
    total = order.price * order.count
    log.info("charging", total)
    return gateway.charge(total)

def refund(order):
    log.info("refunding")
    return gateway.refund(order.id)
"""
NEW = """\
import time

def charge(order):
    total = order.price * order.count
    if order.discount:
        total -= order.discount

    log.info("charging", total)
    return gateway.charge(total)

def refund(order):
    log.info("refunding")
    return gateway.refund(order.id, order.amount)
"""
FILE = file_change(OLD, NEW)


def where(found: Anchor | None) -> tuple[str, int, int, bool] | None:
    return found and (found.found_in, found.place.start_line, found.place.line, found.on_changed_line)


@pytest.mark.parametrize(
    ("quote", "line", "expected"),
    [
        ("        total -= order.discount", None, ("new", 6, 6, True)),
        ("total -= order.discount", 99, ("new", 6, 6, True)),
        ("if order.discount:\n    total -= order.discount", None, ("new", 5, 6, True)),
        ("total  -=  order.discount\nlog.info('charging', total)", None, None),
        ('total -= order.discount\nlog.info("charging", total)', None, ("new", 6, 8, True)),
        ("total = order.price * order.count", None, ("new", 4, 4, False)),
        ("return gateway.refund(order.id)", None, ("old", 10, 10, True)),
        ("-    return gateway.refund(order.id)", None, ("old", 10, 10, True)),
        ("+        total -= order.discount", None, ("new", 6, 6, True)),
        ("5 |     if order.discount:\n6 |         total -= order.discount", None, ("new", 5, 6, True)),
        ("```python\ntotal -= order.discount\n```", None, ("new", 6, 6, True)),
        ("order.discount", 5, ("new", 5, 5, True)),
        ("order.discount", 6, ("new", 6, 6, True)),
        ("order.count\n    if order.discount:", None, ("new", 4, 5, True)),
        ("total", None, None),
        ("", 5, None),
        ("   \n\n", 5, None),
        ("subprocess.run(command, shell=True)", 5, None),
    ],
)
def test_a_quote_is_found_by_its_code(
    quote: str, line: int | None, expected: tuple[str, int, int, bool] | None
) -> None:
    assert where(find(quote, FILE, line=line)) == expected


REPEATED = "".join(f"start{n}\nclose(handle)\n" for n in range(1, 5))


@pytest.mark.parametrize(("line", "found"), [(None, 6), (2, 2), (3, 2), (7, 6), (99, 8)])
def test_the_stated_line_decides_between_repeats_only(line: int | None, found: int) -> None:
    change = file_change(REPEATED.replace("start3\nclose(handle)", "start3\nopen(handle)"), REPEATED, context=9)
    assert where(find("close(handle)", change, line=line)) == ("new", found, found, found == 6)


def test_code_outside_the_hunks_is_found_in_the_whole_file() -> None:
    old = "first = setup()\n" + "x\n" * 20 + "last\n"
    new = old.replace("last", "changed")
    assert find("first = setup()", file_change(old, new)) is None
    found = find("first = setup()", file_change(old, new), head_text=new)
    assert where(found) == ("file", 1, 1, False)


def test_blank_lines_and_indentation_do_not_matter_but_order_does() -> None:
    quote = 'total -= order.discount\n\n\n\tlog.info("charging", total)\nreturn gateway.charge(total)'
    assert where(find(quote, FILE)) == ("new", 6, 9, True)
    assert find("return gateway.charge(total)\ntotal -= order.discount", FILE) is None


def test_the_place_names_the_new_path() -> None:
    renamed = file_change(OLD, NEW, path="pay/new.py", old_path="pay/old.py")
    found = find("return gateway.refund(order.id)", renamed)
    assert found is not None
    assert (found.place.path, found.place.side) == ("pay/new.py", "old")


def test_a_quote_in_a_text_of_its_own() -> None:
    assert find_quote("total -= order.discount", NEW) == (6, 6)
    assert find_quote('log.info("refunding")\nreturn gateway.refund', NEW) == (12, 13)
    assert find_quote("nowhere = True", NEW) is None


def test_long_texts_take_no_time() -> None:
    text = "x = 1\n" * 50_000
    assert find_quote("x = 1\n" * 59 + "y = 2", text) is None

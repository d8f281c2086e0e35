"""Plain numbers and texts: within bounds, or unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster_agent.sources.plain import short_text, whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("100", 100), ("101", None), ("-1", None), ("+1", None), ("1.0", None), ("1_0", None),
     (" 1", None), ("", None), (None, None), ("\u0661", None), ("\u00b2", None), ("0x1", None), ("1e1", None)],
)  # fmt: skip
def test_a_number_is_digits_and_nothing_but_digits_up_to_its_bound(text: str | None, number: int | None) -> None:
    assert whole_number(text, 100) == number


def test_a_number_that_needs_no_bound_has_eighteen_digits_at_most() -> None:
    assert whole_number("9" * 18) == 10**18 - 1
    assert whole_number("9" * 19) is None
    assert whole_number("9" * 6_000) is None  # which int() refuses with an error


@given(st.integers(0, 10**18 - 1))
def test_every_number_in_bounds_is_read_as_it_is(number: int) -> None:
    assert whole_number(str(number)) == number


@pytest.mark.parametrize(
    ("text", "short"),
    [(" Latitude 5420\n", "Latitude 5420"), ("123456", "12345"), ("", None), (" \t", None), (None, None)],
)
def test_a_text_is_trimmed_and_cut_and_nothing_is_nothing(text: str | None, short: str | None) -> None:
    assert short_text(text, 5 if text == "123456" else 50) == short


@given(st.text(st.characters(), max_size=50))
def test_every_text_can_be_sent(text: str) -> None:
    short = short_text(text + "\udc80", 20)

    assert short is not None
    assert 0 < len(short.encode()) <= 80

"""Days and spans of days as an analyst writes them: 2015-11-09, or 2015-11-01/2015-11-30."""

from __future__ import annotations

import datetime
import re
from typing import Optional, Tuple

from .errors import UsageError

# First and last day; the same where it is a single one.
Days = Tuple[datetime.date, datetime.date]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_HOW = "Write it as YYYY-MM-DD, or as YYYY-MM-DD/YYYY-MM-DD from the first day to the last."


def read_days(text: str) -> Days:
    """The days that a date or an ISO 8601 interval names.

    Raises:
        UsageError: It is neither, or it ends before it begins.
    """
    first, _, last = (part.strip() for part in text.partition("/"))
    days = _day(first), _day(last or first)
    if days[0] is None or days[1] is None or text.strip().endswith("/"):
        raise UsageError("params.date", f"{text!r} is not a date.", _HOW, date=text)
    if days[1] < days[0]:
        raise UsageError("params.date", f"{text!r} ends before it begins.", "Write the first day first.", date=text)
    return days[0], days[1]


def days_text(days: Days) -> str:
    """The days as they are written: one day, or first/last."""
    first, last = (day.isoformat() for day in days)
    return first if first == last else f"{first}/{last}"


def spanned(*known: Optional[Days]) -> Optional[Days]:
    """From the first to the last of several spans, those that are not known left out."""
    days = [day for span in known if span is not None for day in span]
    return (min(days), max(days)) if days else None


def middle(days: Optional[Days]) -> Optional[datetime.date]:
    """The one day that stands for a span where one is needed."""
    return None if days is None else days[0] + (days[1] - days[0]) / 2


def _day(text: str) -> Optional[datetime.date]:
    # Later Pythons read more forms than this; a series file must mean the same everywhere.
    if not _DAY.fullmatch(text):
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None

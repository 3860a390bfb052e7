from datetime import date

import pytest

from model_core.contract.dates import days_text, read_days, spanned
from model_core.contract.errors import UsageError

DAY, LATER = date(2015, 11, 9), date(2015, 11, 30)


@pytest.mark.parametrize(("text", "days"), [("2015-11-09", (DAY, DAY)), ("2015-11-09/2015-11-30", (DAY, LATER)),
                                            (" 2015-11-09 / 2015-11-30 ", (DAY, LATER))])
def test_a_day_and_an_interval_are_read(text, days):
    assert read_days(text) == days
    assert read_days(days_text(days)) == days


@pytest.mark.parametrize("text", ["", "9.11.2015", "2015", "20151109", "2015-W45-1", "2015-13-01", "2015-11-31",
                                  "2015-11-09/", "/2015-11-09", "2015-11-09/x", "2015-11-09/2015-11-10/2015-11-11",
                                  "2015-11-30/2015-11-09", "2015-11-09T05:00:00"])
def test_what_is_no_date_is_refused_with_what_to_do(text):
    with pytest.raises(UsageError) as error:
        read_days(text)
    assert error.value.code == "params.date" and error.value.hint


def test_a_span_reaches_over_all_that_is_known():
    assert spanned((LATER, LATER), None, (DAY, DAY)) == (DAY, LATER)
    assert spanned(None) is None

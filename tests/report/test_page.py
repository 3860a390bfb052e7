import base64
import re

import pytest

from model_core.report.page import number_texts, page
from model_core.report.pieces import Picture, Section, Table

from .strict_html import Page

REMARK = "Simulated: no real place."
PNG = b"\x89PNG\r\n\x1a\nrest"
NASTY = "<script>alert('a') & \"b\" </style>"
ROWS = [{"date": "2015", "map": "pooled", "TL": 1234, "F1": 0.7153, "F1 low": 0.573, "F1 high": None},
        {"date": "2015", "map": "zero-shot", "TL": None, "F1": None, "F1 low": None, "F1 high": None}]


def table(rows, caption="Notes."):
    return Table("name", "Table 1. Numbers", caption, rows)


def cells(text, row=1):
    """Texts of a row of the only table; row 0 is its head."""
    line = re.findall(r"<tr.*?</tr>", text, re.S)[row]
    return re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line)


def one(*pieces, paragraphs=(), remark=REMARK):
    return page("Title", ["line"], remark, [Section("First", paragraphs, pieces)])


def test_a_page_is_well_formed_and_whole():
    text = one(table(ROWS), Picture("Map", "What it shows.", PNG), paragraphs=["Words."])
    found = Page(text)
    assert found.all("html") == [{"lang": "en"}]
    assert not found.all("script") and not found.all("link")
    assert all(image["src"].startswith("data:image/png;base64,") for image in found.all("img"))
    assert base64.b64decode(found.all("img")[0]["src"].partition(",")[2]) == PNG
    assert "url(" not in text and "@import" not in text and "http" not in text
    assert [a["href"] for a in found.all("a")] == ["#s1"] and {"id": "s1"} in found.all("section")


@pytest.mark.parametrize("where", ["title", "line", "remark", "section", "paragraph", "table", "cell", "column", "picture"])
def test_whatever_a_name_holds_stays_text(where):
    words = {name: NASTY if name == where else name for name in
             ("title", "line", "remark", "section", "paragraph", "table", "cell", "column", "picture")}
    text = page(words["title"], [words["line"]], words["remark"], [Section(words["section"], [words["paragraph"]], [
        Table("t", words["table"], words["table"], [{words["column"]: words["cell"], "b": words["cell"]}]),
        Picture(words["picture"], words["picture"], PNG)])])
    found = Page(text)
    assert not found.all("script") and text.count("</style>") == 1
    assert where == "title" or " ".join(NASTY.split()) in found.text


def test_the_remark_stands_on_every_sheet_and_under_every_picture():
    text = one(Picture("Map", "A.", PNG), table(ROWS), Picture("Other map", "B.", PNG))
    assert text.count(REMARK) >= 5
    sheet = text[text.index("@page"):]
    assert f'@top-center {{ content: "{REMARK}"' in sheet and f'@bottom-center {{ content: "{REMARK}"' in sheet
    assert f'<p class="banner" role="note">{REMARK}</p>' in text
    captions = re.findall(r"<figcaption>.*?</figcaption>", text)
    assert len(captions) == 2 and all(REMARK in caption for caption in captions)


def test_without_a_remark_there_is_no_banner():
    text = one(Picture("Map", "A.", PNG), remark="")
    assert 'class="banner"' not in text and 'class="remark"' not in text and "@top-center" not in text


def test_an_interval_is_one_column_with_the_decimals_of_its_value():
    text = one(table(ROWS))
    assert cells(text, 0) == ["date", "map", "TL", "F1", "F1, 95 % interval"]
    assert cells(text, 1) == ["2015", "pooled", "1,234", "0.715", "0.573 to ?"]
    assert cells(text, 2) == ["2015", "zero-shot", "–", "–", "–"]


def test_heads_of_rows_and_columns_are_told_to_screen_readers():
    found = Page(one(table(ROWS)))
    assert [head["scope"] for head in found.all("th")] == ["col"] * 5 + ["row"] * 2
    assert len(found.all("caption")) == 1


@pytest.mark.parametrize(("values", "texts"), [
    ([1, 20300, None], ["1", "20,300", "–"]),
    ([0.5, 0.25], ["0.500", "0.250"]),
    ([4.7, 51.046], ["4.70", "51.05"]),
    ([321.005, 8.0], ["321.0", "8.0"]),
    ([1234.56, -0.2], ["1,235", "0"]),
    ([-4.99, 3.17], ["−4.99", "3.17"]),
    ([], []),
])
def test_a_column_has_the_same_decimals_throughout(values, texts):
    assert number_texts(values) == texts


def test_square_metres_have_no_decimals():
    assert cells(one(table([{"date": "a", "MinAL [m²]": 216.34}])))[1] == "216"


def test_pictures_with_one_title_are_one_figure():
    text = one(Picture("Curves", "fold 1", PNG), Picture("Curves", "fold 2", PNG), Picture("Map", "All.", PNG))
    found = Page(text)
    assert len(found.all("figure")) == 2
    assert [image["alt"] for image in found.all("img")] == ["Curves: fold 1", "Curves: fold 2", "Map"]


def test_words_between_backticks_are_code():
    assert "<code>mtl tune</code>" in one(paragraphs=["See `mtl tune`."])

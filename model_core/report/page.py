"""Puts the sections of a report on one page: a single HTML file that needs no other file, no network and no script."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from .page_style import CSS
from .pieces import Picture, Section, Table

UNKNOWN = "–"
_MANY_COLUMNS, _FEW_ROWS = 9, 24
_SHORT, _LONG = 14, 40  # texts that are never and always broken into lines
_INTERVAL = " low", " high"


def page(title: str, lines: Sequence[str], remark: str, sections: Sequence[Section], footer: str = "") -> str:
    """The whole page.

    Words between backticks are shown as code. Two columns "X low" and "X high" of a table are shown as one, the 95 %
    interval of X. Pictures that follow each other under the same title become one figure.

    Args:
        title: Headline.
        lines: Below it, in small print.
        remark: What must stand on every sheet and under every picture, such as that images are simulated; or nothing.
        sections: In their order.
        footer: The last line.
    """
    names = [f"s{number}" for number in range(1, len(sections) + 1)]
    parts = [
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(f'{title}. {remark}' if remark else title)}</title>",
        f"<style>{CSS}{_sheet(remark)}</style>", "</head>", "<body>", '<div class="layout">', "<header>",
        f"<h1>{escape(title)}</h1>", *(f'<p class="lead-in">{escape(line)}</p>' for line in lines),
        *([f'<p class="banner" role="note">{escape(remark)}</p>'] if remark else []), "</header>",
        '<nav aria-label="Contents">', "<ol>",
        *(f'<li><a href="#{name}">{escape(section.title)}</a></li>'
          for name, section in zip(names, sections, strict=True)),
        "</ol>", "</nav>", "<main>",
        *(line for name, section in zip(names, sections, strict=True) for line in _section(name, section, remark)),
        *([f"<footer><p>{escape(footer)}</p></footer>"] if footer else []), "</main>", "</div>", "</body>", "</html>",
    ]
    return "\n".join(parts) + "\n"


def number_texts(values: Sequence[float | None], *, whole: bool = False) -> list[str]:
    """Numbers of a column, all with as many decimals as the largest needs for three to four digits, or with none."""
    known = [value for value in values if value is not None]
    largest = max((abs(value) for value in known), default=0.0)
    whole = whole or all(isinstance(value, int) for value in known)
    decimals = 0 if whole or largest >= 1000 else 1 if largest >= 100 else 2 if largest > 1 else 3
    return [UNKNOWN if value is None else _number(value, decimals) for value in values]


def _number(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}"
    return text.lstrip("-") if not float(text.replace(",", "")) else text.replace("-", "−")


def _sheet(remark: str) -> str:
    """What stands in the margins of every printed sheet."""
    style = 'font: 7.5pt "Liberation Sans", Arial, sans-serif; color: #59636e;'
    above = (f'@top-center {{ content: "{_css_text(remark)}"; {style} font-weight: bold; color: #8a5a00; }} '
             f'@bottom-center {{ content: "{_css_text(remark)}"; {style} color: #8a5a00; }}') if remark else ""
    return (f"@page {{ size: A4; margin: 19mm 16mm 18mm; {above} "
            f'@bottom-right {{ content: counter(page) " / " counter(pages); {style} }} }}\n')


def _css_text(text: str) -> str:
    """A text within quotes of a style sheet within a page: whatever could end either is written by its number."""
    return re.sub(r'[\\"<>&\n\r\f{}]', lambda found: f"\\{ord(found.group()):06x}", text)


def _section(name: str, section: Section, remark: str) -> Iterator[str]:
    yield f'<section id="{name}">'
    yield f"<h2>{escape(section.title)}</h2>"
    for paragraph in section.paragraphs:
        yield f"<p>{_prose(paragraph)}</p>"
    for _, group in groupby(section.pieces, key=lambda piece: (type(piece), piece.title)):
        pieces = list(group)
        for piece in pieces:
            if isinstance(piece, Table):
                yield from _table(piece)
        alike = [piece for piece in pieces if isinstance(piece, Picture)]
        if alike:
            yield from _figure(alike, remark)
    yield "</section>"


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _figure(pictures: Sequence[Picture], remark: str) -> Iterator[str]:
    first, many = pictures[0], len(pictures) > 1
    yield f"<figure{_class(many and 'many')}>"
    if many:
        yield '<div class="grid">'
    for picture in pictures:
        data = base64.b64encode(picture.png).decode("ascii")
        alt = f"{picture.title}: {picture.caption}" if many else picture.title
        image = f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}">'
        yield f"<div>{image}<span>{_prose(picture.caption)}</span></div>" if many else image
    if many:
        yield "</div>"
    said = "" if many else f" {_prose(first.caption)}"
    marked = f' <span class="remark">{escape(remark)}</span>' if remark else ""
    yield f"<figcaption><b>{escape(_ended(first.title))}</b>{said}{marked}</figcaption>"
    yield "</figure>"


def _ended(title: str) -> str:
    return title if title.endswith((".", "?")) else f"{title}."


def _table(table: Table) -> Iterator[str]:
    columns = _columns(table.rows)
    size = [*(["wide"] if len(columns) >= _MANY_COLUMNS else []), *(["short"] if len(table.rows) <= _FEW_ROWS else [])]
    yield f'<div class="{" ".join(["table", *size])}">'
    # The wrapper can be scrolled by keyboard too where the table is wider than the screen.
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(table.title)}">'
    yield f'<table>\n<caption class="caption">{escape(table.title)}</caption>'
    heads = "".join(f'<th scope="col"{_class(number and "n")}>{escape(name)}</th>' for name, number, _ in columns)
    yield f"<thead>\n<tr>{heads}</tr>\n</thead>\n<tbody>"
    before = None
    for row in zip(*(texts for _, _, texts in columns), strict=True):
        same = row[0] == before
        before = row[0]
        head = _class(*("same",) * same, *("long",) * (len(row[0]) > _LONG))
        cells = "".join(f"<td{_class(_look(text, number))}>{_prose(text)}</td>"
                        for (_, number, _), text in zip(columns[1:], row[1:], strict=True))
        yield f'<tr{"" if same else _class("new")}><th scope="row"{head}>{escape(row[0])}</th>{cells}</tr>'
    yield "</tbody>\n</table>\n</div>"
    for paragraph in table.caption.splitlines():
        yield f'<p class="note">{_prose(paragraph)}</p>'
    yield "</div>"


def _class(*names: Any) -> str:
    known = " ".join(name for name in names if name)
    return f' class="{known}"' if known else ""


def _look(text: str, number: bool) -> str:
    """Class of a cell. Checksums have no place of their own to break a line."""
    return "n" if number else "code" if re.fullmatch(r"[0-9a-f]{40,}", text) else "one" if len(text) <= _SHORT else ""


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, bool, list[str]]]:
    """Headline, whether it is numeric, and texts of each column."""
    names = list(rows[0]) if rows else []
    found = []
    for name in names:
        if any(name.endswith(end) and name.removesuffix(end) in names for end in _INTERVAL):
            continue
        values = [row[name] for row in rows]
        numeric = any(value is not None for value in values) and all(map(_is_number, values))
        # Square metres are never known to a fraction.
        whole = name.endswith("[m²]")
        texts = number_texts(values, whole=whole) if numeric else [_words(value) for value in values]
        found.append((name, numeric, texts))
        low, high = (f"{name}{end}" for end in _INTERVAL)
        if low in names and high in names:
            lows, highs = ([row[end] for row in rows] for end in (low, high))
            found.append((f"{name}, 95 % interval", True, _intervals(values, lows, highs, whole)))
    return found


def _intervals(values: Sequence[Any], lows: Sequence[Any], highs: Sequence[Any], whole: bool) -> list[str]:
    """Intervals with as many decimals as the values that they belong to."""
    n = len(values)
    texts = number_texts([*values, *lows, *highs], whole=whole)
    return [UNKNOWN if lows[i] is None and highs[i] is None else
            f"{'?' if lows[i] is None else texts[n + i]} to {'?' if highs[i] is None else texts[2 * n + i]}"
            for i in range(n)]


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _words(value: Any) -> str:
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)

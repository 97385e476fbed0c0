"""Papers of A4 with a table: a head, rows on as many pages as they take, lines to sign, a foot.

The same paper is the same bytes: no time and no random id goes into the file.
"""

from collections.abc import Iterable, Sequence
from importlib import resources
from io import BytesIO
from itertools import islice
from typing import Any

import msgspec

FONT = "DejaVuSans"
SIZE, LEADING, TITLE_SIZE, FOOT_SIZE = 8, 11, 13, 6.5
MARGIN, FOOT_HEIGHT, CELL_PADDING = 42, 26, 12


SHEET_COLUMNS, SHEET_ROWS = 5, 66
LETTER_SIZE, LETTER_LEADING = 10, 14
ADDRESS_TOP, LINES_BELOW_ADDRESS = 140, 5
"""Where an envelope with a window shows the address, in points from the upper edge."""
LABEL_COLUMNS, LABEL_ROWS, LABEL_LINES = 3, 8, 6
"""Sheets of 70 by 37 mm labels, as every stationer has them."""
LABEL_WIDTH, LABEL_EDGE = 230, 14


class Column(msgspec.Struct, frozen=True):
    """A column: ``share`` of the width, of the sum of all. Figures stand at the right."""

    title: str
    share: int
    is_figure: bool = False


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on it, in words.

    head:    lines below the title. total: lines below the table.
    signers: who sign, one a line.
    foot:    on every page, beside ``page`` with ``{n}`` and ``{of}``.
    """

    title: str
    head: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: Sequence[tuple[str, ...]]
    total: tuple[str, ...]
    signers: tuple[str, ...]
    foot: str
    page: str


def pdf(paper: Paper) -> bytes:
    """Lay a paper out as PDF."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    _know_font()
    written = BytesIO()
    document = SimpleDocTemplate(
        written,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN + FOOT_HEIGHT,
        title=paper.title,
        invariant=1,
    )
    of = _Pages(paper)
    document.build(_story(paper, document.width), canvasmaker=of.canvas)
    return written.getvalue()


def sheets(title: str, texts: Iterable[str], count: int, page: str) -> bytes:
    """Lay ``count`` short texts out in SHEET_COLUMNS columns, a sheet after the other, as PDF."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    _know_font()
    written, some = BytesIO(), iter(texts)
    canvas = Canvas(written, pagesize=A4, invariant=1)
    canvas.setTitle(title)
    width, top = (A4[0] - 2 * MARGIN) / SHEET_COLUMNS, A4[1] - MARGIN
    each = SHEET_COLUMNS * SHEET_ROWS
    of = max(1, -(-count // each))
    for n in range(1, of + 1):
        canvas.setFont(FONT, SIZE)
        canvas.drawString(MARGIN, top, title)
        canvas.drawRightString(A4[0] - MARGIN, top, page.format(n=n, of=of))
        for index, text in enumerate(islice(some, each)):
            column, row = divmod(index, SHEET_ROWS)
            canvas.drawString(MARGIN + column * width, top - (row + 2) * LEADING, text)
        canvas.showPage()
    canvas.save()
    return written.getvalue()


def letters(title: str, some: Iterable[tuple[str, str]]) -> bytes:
    """Lay letters out as PDF, each an address and a text, on pages of their own."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.utils import simpleSplit
    from reportlab.pdfgen.canvas import Canvas

    _know_font()
    written = BytesIO()
    canvas = Canvas(written, pagesize=A4, invariant=1)
    canvas.setTitle(title)
    width, top = A4[0] - 2 * MARGIN, A4[1] - ADDRESS_TOP
    for address, text in some:
        canvas.setFont(FONT, LETTER_SIZE)
        lines = simpleSplit(address, FONT, LETTER_SIZE, LABEL_WIDTH)
        lines += [""] * LINES_BELOW_ADDRESS + simpleSplit(text, FONT, LETTER_SIZE, width)
        place = top
        for line in lines:
            if place < MARGIN:
                canvas.showPage()
                canvas.setFont(FONT, LETTER_SIZE)
                place = A4[1] - 2 * MARGIN
            canvas.drawString(MARGIN, place, line)
            place -= LETTER_LEADING
        canvas.showPage()
    canvas.save()
    return written.getvalue()


def labels(title: str, addresses: Iterable[str]) -> bytes:
    """Lay addresses out as PDF, LABEL_COLUMNS by LABEL_ROWS on a sheet of A4.

    What is longer than a label is cut off below it.
    """
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.utils import simpleSplit
    from reportlab.pdfgen.canvas import Canvas

    _know_font()
    written, some = BytesIO(), iter(addresses)
    canvas = Canvas(written, pagesize=A4, invariant=1)
    canvas.setTitle(title)
    width, height = A4[0] / LABEL_COLUMNS, A4[1] / LABEL_ROWS
    while sheet := list(islice(some, LABEL_COLUMNS * LABEL_ROWS)):
        canvas.setFont(FONT, LETTER_SIZE)
        for index, address in enumerate(sheet):
            row, column = divmod(index, LABEL_COLUMNS)
            lines = simpleSplit(address, FONT, LETTER_SIZE, width - 2 * LABEL_EDGE)
            top = A4[1] - row * height - LABEL_EDGE - LETTER_SIZE
            for n, line in enumerate(lines[:LABEL_LINES]):
                canvas.drawString(column * width + LABEL_EDGE, top - n * LETTER_LEADING, line)
        canvas.showPage()
    canvas.save()
    return written.getvalue()


def _know_font() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    if FONT not in pdfmetrics.getRegisteredFontNames():
        with resources.as_file(resources.files("daemon.base") / "fonts/DejaVuSans.ttf") as file:
            pdfmetrics.registerFont(TTFont(FONT, str(file)))


def _story(paper: Paper, width: float) -> list[Any]:
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import KeepTogether, Paragraph, Spacer

    plain = ParagraphStyle("plain", fontName=FONT, fontSize=SIZE + 1, leading=LEADING + 2)
    title = ParagraphStyle("title", fontName=FONT, fontSize=TITLE_SIZE, leading=TITLE_SIZE + 6)
    story: list[Any] = [Paragraph(_plain(paper.title), title)]
    story += [Paragraph(_plain(line), plain) for line in paper.head]
    story += [Spacer(1, LEADING), _table(paper, width), Spacer(1, LEADING)]
    end = [Paragraph(_plain(line), plain) for line in paper.total]
    for signer in paper.signers:
        end += [Spacer(1, 2 * LEADING), Paragraph(f"{_plain(signer)}  {'_' * 36}", plain)]
    return [*story, KeepTogether(end)]


def _table(paper: Paper, width: float) -> Any:
    """Return the table, whose head stands on each page again."""
    from reportlab.lib import colors
    from reportlab.platypus import LongTable

    shares = sum(column.share for column in paper.columns)
    widths = [width * column.share / shares for column in paper.columns]
    style = [
        ("FONT", (0, 0), (-1, -1), FONT, SIZE, LEADING),
        ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
        ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        *(("ALIGN", (n, 0), (n, -1), "RIGHT") for n, c in enumerate(paper.columns) if c.is_figure),
    ]
    titles = tuple(column.title for column in paper.columns)
    cells = [[_wrapped(text, w) for text, w in zip(row, widths, strict=True)] for row in paper.rows]
    return LongTable([titles, *cells], colWidths=widths, repeatRows=1, style=style)


def _wrapped(text: str, width: float) -> str:
    """Return a text in as many lines as a cell needs; a word that is too long is broken."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    room, lines = width - CELL_PADDING, [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if stringWidth(joined, FONT, SIZE) <= room:
            lines[-1] = joined
            continue
        lines += [""] if lines[-1] else []
        for character in word:
            if lines[-1] and stringWidth(lines[-1] + character, FONT, SIZE) > room:
                lines.append("")
            lines[-1] += character
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return a text as it stands in a paragraph, whose own marks it has none of."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class _Pages:
    """Writes the foot when it is known how many pages there are."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper

    def canvas(self, *args: Any, **options: Any) -> Any:
        """Make the canvas that reportlab draws on."""
        from reportlab.pdfgen.canvas import Canvas

        paper = self._paper

        class NumberedCanvas(Canvas):  # type: ignore[misc]  # reportlab has no types
            """Keeps its pages until the last, and then writes each with its foot."""

            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **options)
                self._kept: list[dict[str, Any]] = []

            def showPage(self) -> None:  # noqa: N802  # reportlab's own name
                self._kept.append(dict(self.__dict__))
                self._startPage()

            def save(self) -> None:
                of = len(self._kept)
                for n, page in enumerate(self._kept, start=1):
                    self.__dict__.update(page)
                    self.setFont(FONT, FOOT_SIZE)
                    self.drawString(MARGIN, MARGIN - 6, paper.foot)
                    right = paper.page.format(n=n, of=of)
                    self.drawRightString(self._pagesize[0] - MARGIN, MARGIN - 16, right)
                    super().showPage()
                super().save()

        return NumberedCanvas(*args, **options)

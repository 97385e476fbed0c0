"""XLSX files as small as they may be, written part by part: what a library would not write, too."""

import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels"'
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DAY_0 = date(1899, 12, 30)
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/>'
    "</cellXfs></styleSheet>"
)


class Formula(NamedTuple):
    """A formula, and what the spreadsheet has reckoned; None where nobody has."""

    text: str
    value: float | None = None


class Failed(NamedTuple):
    """An error of the spreadsheet, such as ``#N/A``."""

    text: str


def workbook(*sheets: Iterable[Sequence[Any]], names: Sequence[str] = ()) -> bytes:
    """Return a workbook of some sheets, each as its rows."""
    kept = [list(sheet) for sheet in sheets]
    names = names or [f"Sheet{n}" for n in range(1, len(kept) + 1)]
    parts = {
        f"xl/worksheets/sheet{n}.xml": sheet_text(rows) for n, rows in enumerate(kept, start=1)
    }
    return packed(parts, names)


def packed(parts: dict[str, str], names: Sequence[str]) -> bytes:
    """Return a workbook of sheets that are XML already."""
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(names, start=1)
    )
    related = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(names) + 1)
    )
    styled = f'<Relationship Id="rIdS" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="rId1"'
            f' Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_RELATIONS}">{related}{styled}</Relationships>',
        )
        archive.writestr("xl/styles.xml", _STYLES)
        for name, text in parts.items():
            archive.writestr(name, text)
    return file.getvalue()


def sheet_text(rows: Iterable[Sequence[Any]]) -> str:
    """Return a sheet's XML."""
    body = "".join(
        f'<row r="{n}">{"".join(_cell(f"{_letters(c)}{n}", v) for c, v in enumerate(row))}</row>'
        for n, row in enumerate(rows, start=1)
    )
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>'


def _cell(at: str, value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return f'<c r="{at}" t="b"><v>{int(value)}</v></c>'
        case int() | float():
            return f'<c r="{at}"><v>{value!r}</v></c>'
        case date():
            return f'<c r="{at}" s="1"><v>{(value - _DAY_0).days}</v></c>'
        case Formula(text, reckoned):
            shown = "" if reckoned is None else f"<v>{reckoned!r}</v>"
            return f'<c r="{at}"><f>{escape(text)}</f>{shown}</c>'
        case Failed(text):
            return f'<c r="{at}" t="e"><v>{text}</v></c>'
        case _:
            return f'<c r="{at}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


def _letters(column: int) -> str:
    return chr(ord("A") + column)

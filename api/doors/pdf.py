"""E-tickets as a document: one page for each, in the size of a large postcard, readable on a phone and on paper."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import segno

if TYPE_CHECKING:
    from fpdf import FPDF

_FONTS = Path(__file__).parent / "fonts"
_WIDTH, _HEIGHT = 105.0, 190.0
_MARGIN = 8.0
_INK, _SOFT, _LINE, _PAPER, _BAND = (24, 28, 40), (104, 112, 128), (214, 219, 228), (255, 255, 255), (28, 42, 84)
_ON_BAND = (196, 206, 236)
_QR_MM = 52.0
_QUIET_MODULES = 4


class TicketPage(NamedTuple):
    """The texts of one e-ticket, ready to be shown."""

    event: str
    date: str
    time: str
    venue: str | None
    ticket_type: str
    places: Sequence[tuple[str, str]]
    """Names and values of where to sit: section, row, seat."""

    holder: str | None
    serial: str
    reservation_id: str
    number: str
    """Like `1 of 2`."""

    code: str


def qr_of(code: str) -> segno.QRCode:
    """The QR code of an e-ticket: version 6-M, in alphanumeric mode."""
    return segno.make_qr(code, error="m", version=6, mode="alphanumeric", boost_error=False)


def qr_svg(code: str) -> bytes:
    """The QR code as a picture that scales."""
    picture = BytesIO()
    qr_of(code).save(picture, kind="svg", scale=8, border=_QUIET_MODULES, xmldecl=False, light="#fff")
    return picture.getvalue()


def etickets_pdf(pages: Sequence[TicketPage]) -> bytes:
    """The document. It takes some 50 ms a page, so it is made in a thread."""
    # Takes half of the time and a quarter of the memory of all imports, and few processes ever make a document.
    from fpdf import FPDF  # noqa: PLC0415  # see above

    pdf = FPDF(unit="mm", format=(_WIDTH, _HEIGHT))
    pdf.set_auto_page_break(auto=False)
    pdf.set_margin(0)
    pdf.c_margin = 0
    pdf.add_font("Sans", "", _FONTS / "DejaVuSans.ttf")
    pdf.add_font("Sans", "B", _FONTS / "DejaVuSans-Bold.ttf")
    pdf.set_title(pages[0].event)
    pdf.set_creator("onsale")
    for page in pages:
        pdf.add_page()
        _draw(pdf, page)
    return bytes(pdf.output())


def _draw(pdf: FPDF, page: TicketPage) -> None:
    inner = _WIDTH - 2 * _MARGIN
    band = _draw_head(pdf, page, inner)
    y = band + 6
    _label(pdf, _MARGIN, y, "Date")
    _label(pdf, _WIDTH / 2 + 6, y, "Time")
    _value(pdf, _MARGIN, y + 4, inner / 2 + 6, page.date, 11.5)
    _value(pdf, _WIDTH / 2 + 6, y + 4, inner / 2 - 6, page.time, 11.5)
    y += 14
    places = list(page.places) or [("Place", "Free choice")]
    column = inner / len(places)
    for number, (name, value) in enumerate(places):
        _label(pdf, _MARGIN + number * column, y, name)
        _value(pdf, _MARGIN + number * column, y + 4, column - 2, value, 11.5)
    y += 14
    _label(pdf, _MARGIN, y, "Holder")
    _value(pdf, _MARGIN, y + 4, inner, page.holder or "Bearer", 11.5)
    y = max(y + 14, _HEIGHT - _QR_MM - 26)
    _perforation(pdf, y)
    _draw_qr(pdf, page, y + 5)


def _draw_head(pdf: FPDF, page: TicketPage, inner: float) -> float:
    """Draws the name of the event and its venue on a band of colour. Returns where the band ends."""
    size = next((size for size in (20.0, 17.0, 14.0, 12.0) if len(_lines(pdf, page.event, size, inner)) <= 3), 10.5)
    lines = _lines(pdf, page.event, size, inner)[:4]
    height = 9 + len(lines) * size * 0.46 + (12 if page.venue else 8)
    pdf.set_fill_color(*_BAND)
    pdf.rect(0, 0, _WIDTH, height, style="F")
    pdf.set_text_color(*_ON_BAND)
    pdf.set_font("Sans", "B", 8)
    pdf.set_xy(_MARGIN, 5)
    pdf.cell(inner / 2, 4, _fitting(pdf, page.ticket_type.upper(), inner / 2 + 16))
    pdf.set_font("Sans", "", 7.5)
    pdf.set_xy(_WIDTH - _MARGIN - 30, 5)
    pdf.cell(30, 4, page.number, align="R")
    pdf.set_text_color(*_PAPER)
    pdf.set_font("Sans", "B", size)
    pdf.set_xy(_MARGIN, 11)
    for line in lines:
        pdf.set_x(_MARGIN)
        pdf.cell(inner, size * 0.46, line, new_x="LMARGIN", new_y="NEXT")
    if page.venue:
        pdf.set_text_color(*_ON_BAND)
        pdf.set_font("Sans", "", 9.5)
        pdf.set_xy(_MARGIN, height - 9)
        pdf.cell(inner, 5, _fitting(pdf, page.venue, inner))
    return float(height)


def _draw_qr(pdf: FPDF, page: TicketPage, y: float) -> None:
    """Draws the code as squares of whole modules, sharp at every size, and what a person reads where no camera can."""
    matrix = list(qr_of(page.code).matrix)
    module = _QR_MM / len(matrix)
    left = (_WIDTH - _QR_MM) / 2
    pdf.set_fill_color(0, 0, 0)
    for row, modules in enumerate(matrix):
        column = 0
        while column < len(modules):
            length = 0
            while column + length < len(modules) and modules[column + length]:
                length += 1
            if length:
                pdf.rect(left + column * module, y + row * module, length * module, module * 1.004, style="F")
            column += max(length, 1)
    pdf.set_text_color(*_INK)
    pdf.set_font("Sans", "B", 9.5)
    pdf.set_xy(_MARGIN, y + _QR_MM + 4)
    pdf.cell(_WIDTH - 2 * _MARGIN, 5, page.serial, align="C")
    pdf.set_text_color(*_SOFT)
    pdf.set_font("Sans", "", 7)
    pdf.set_xy(_MARGIN, y + _QR_MM + 9.5)
    pdf.cell(_WIDTH - 2 * _MARGIN, 4, f"Reservation {page.reservation_id}", align="C")
    pdf.set_xy(_MARGIN, y + _QR_MM + 13.5)
    pdf.cell(_WIDTH - 2 * _MARGIN, 4, "Admits one person, once. Show it on a phone or on paper.", align="C")


def _perforation(pdf: FPDF, y: float) -> None:
    pdf.set_draw_color(*_LINE)
    pdf.set_line_width(0.4)
    pdf.set_dash_pattern(dash=1.6, gap=1.6)
    pdf.line(_MARGIN, y, _WIDTH - _MARGIN, y)
    pdf.set_dash_pattern()


def _label(pdf: FPDF, x: float, y: float, text: str) -> None:
    pdf.set_text_color(*_SOFT)
    pdf.set_font("Sans", "", 7)
    pdf.set_xy(x, y)
    pdf.cell(0, 4, text.upper())


def _value(pdf: FPDF, x: float, y: float, width: float, text: str, size: float) -> None:
    """Draws a text in the largest size that fits, and cuts what does not fit even then."""
    pdf.set_text_color(*_INK)
    pdf.set_font("Sans", "B", size)
    while size > 7.5 and pdf.get_string_width(text) > width:
        size -= 0.5
        pdf.set_font("Sans", "B", size)
    pdf.set_xy(x, y)
    pdf.cell(width, 6, _fitting(pdf, text, width))


def _fitting(pdf: FPDF, text: str, width: float) -> str:
    """The text, cut to a width in the present font."""
    if pdf.get_string_width(text) <= width:
        return text
    while text and pdf.get_string_width(f"{text}…") > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _lines(pdf: FPDF, text: str, size: float, width: float) -> list[str]:
    """A name in lines of a width."""
    pdf.set_font("Sans", "B", size)
    lines = pdf.multi_cell(width, size * 0.46, text, align="L", dry_run=True, output="LINES")
    return [str(line) for line in lines] if isinstance(lines, list) else [text]

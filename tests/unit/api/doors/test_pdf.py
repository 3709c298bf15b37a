"""The document of e-tickets, read back as a gate's camera would: as a picture."""

import pypdfium2
import zxingcpp

from api.doors.pdf import TicketPage, etickets_pdf, qr_of
from engine.etickets import EticketKeys, Named
from tests.support.effort import effort

_DPI, _POINTS = 150, 72
_TICKETS = effort(40, 200)
_LONG = "The 250th Anniversary Gala of the Extraordinarily Long Named Philharmonic Society and Friends of Chamber Music"


def ticket_page(code: str, number: int, **texts: object) -> TicketPage:
    known = {
        "event": "Big event",
        "date": "Tue 1 June 2027",
        "time": "20:00 (doors 18:30)",
        "venue": "Hala Stulecia, Wrocław",
        "ticket_type": "Stalls",
        "places": [("Section", "Stalls left"), ("Row", "A"), ("Seat", "13A")],
        "holder": "Zażółć Gęślą-Jaźń",
        "serial": f"29 360 {number:03}",
        "reservation_id": "7-abcdefghijklmnop",
        "number": f"{number} of 200",
        "code": code,
    }
    return TicketPage(**(known | texts))  # type: ignore[arg-type]


def read_back(document: bytes) -> list[list[str]]:
    pages = pypdfium2.PdfDocument(document)
    try:
        pictures = [page.render(scale=_DPI / _POINTS).to_pil() for page in pages]
        return [[found.text for found in zxingcpp.read_barcodes(picture)] for picture in pictures]
    finally:
        pages.close()


def test_a_camera_reads_the_code_of_each_of_many_tickets() -> None:
    keys = EticketKeys([b"a secret of an event"])
    codes = [keys.code(Named(7, number, number % 3), 1) for number in range(_TICKETS)]
    document = etickets_pdf([ticket_page(code, number) for number, code in enumerate(codes)])
    assert read_back(document) == [[code] for code in codes]


def test_texts_of_any_length_leave_the_code_readable() -> None:
    code = EticketKeys([b"a secret"]).code(Named(7, 1, 0), 1)
    odd = [
        ticket_page(code, 1, event=f"{_LONG} " * 2, venue=_LONG, ticket_type=_LONG, holder=_LONG),
        ticket_page(code, 2, venue=None, holder=None, places=[]),
        ticket_page(
            code, 3, event="好" * 60, holder="الاسم", places=[("Section", _LONG), ("Row", _LONG), ("Seat", "1")]
        ),
    ]
    assert read_back(etickets_pdf(odd)) == [[code]] * 3


def test_the_code_is_a_small_qr_of_medium_correction() -> None:
    code = qr_of(EticketKeys([b"a secret"]).code(Named(2**31 - 1, 2**22 - 1, 65_535), 1))
    assert (code.version, code.error, code.mode) == (6, "M", "alphanumeric")

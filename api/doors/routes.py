"""Routes of e-tickets and doors."""

from functools import partial
from http import HTTPStatus

from api.access.callers import CUSTOMERS, GATES, MANAGERS
from api.doors import check_ins, documents, etickets, page_files, reports, schemas, snapshots
from api.http.problems import Code
from api.http.requests import Nothing
from api.http.types import OpaqueId, Page
from api.route import Route

_EVENT = "/v1/events/{event_id}"
_OK, _CREATED = HTTPStatus.OK, HTTPStatus.CREATED

_of_reservation = partial(Route, tag="Doors", method="GET", roles=CUSTOMERS, path_types={"reservation_id": OpaqueId})
_eticket = partial(Route, tag="Doors", roles=CUSTOMERS, scoped=True, path_types={"serial": schemas.Serial})
_gate = partial(Route, tag="Doors", roles=GATES)
_page = partial(Route, method="GET", tag="Doors", roles=None, cached=True)

ROUTES: tuple[Route, ...] = (
    _of_reservation(
        path="/v1/reservations/{reservation_id}/etickets",
        handler=etickets.list_etickets,
        answers={_OK: schemas.EticketList},
    ),
    _of_reservation(
        path="/v1/reservations/{reservation_id}/etickets.pdf",
        handler=documents.read_etickets_pdf,
        answers={_OK: bytes},
        media=("application/pdf",),
        refusals=(Code.NOT_HELD,),
    ),
    _eticket(
        method="GET",
        path="/v1/etickets/{serial}/qr.svg",
        handler=documents.read_eticket_qr,
        answers={_OK: str},
        media=("image/svg+xml",),
        refusals=(Code.NOT_HELD,),
    ),
    _eticket(
        method="POST",
        path="/v1/etickets/{serial}/transfer",
        handler=etickets.transfer_eticket,
        body=etickets.TransferBody,
        answers={_OK: schemas.EticketView},
        refusals=(Code.NOT_HELD, Code.IN_USE),
        keyed=True,
    ),
    Route(
        method="GET",
        path=f"{_EVENT}/etickets/keys",
        handler=etickets.read_eticket_keys,
        tag="Doors",
        roles=None,
        drafts=True,
        cached=True,
        answers={_OK: schemas.JwkSet},
    ),
    Route(
        method="POST",
        path=f"{_EVENT}/etickets/keys",
        handler=etickets.rotate_eticket_keys,
        tag="Doors",
        roles=MANAGERS,
        body=Nothing,
        keyed=True,
        answers={_CREATED: schemas.JwkSet},
    ),
    _gate(
        method="POST",
        path=f"{_EVENT}/check-ins",
        handler=check_ins.check_in,
        body=check_ins.CheckInBody,
        answers={_OK: schemas.CheckInAnswer},
    ),
    _gate(
        method="GET",
        path=f"{_EVENT}/check-ins",
        handler=reports.list_check_ins_of_event,
        query=reports.CheckInsQuery,
        answers={_OK: Page[schemas.CheckInEntry]},
    ),
    _gate(
        method="POST",
        path=f"{_EVENT}/check-ins/upload",
        handler=check_ins.upload_check_ins,
        body=check_ins.CheckInsBody,
        answers={_OK: schemas.CheckInAnswers},
    ),
    _gate(
        method="GET",
        path=f"{_EVENT}/check-ins/snapshot",
        handler=snapshots.read_doors_snapshot,
        query=snapshots.SnapshotQuery,
        answers={_OK: schemas.DoorsSnapshot},
    ),
    _page(
        path="/doors/worker.js",
        handler=page_files.read_doors_worker,
        answers={_OK: str},
        media=("text/javascript",),
    ),
    _page(
        path="/doors/{event_id}",
        handler=page_files.read_doors_page,
        answers={_OK: str},
        media=("text/html",),
    ),
    _page(
        path="/doors/assets/{doors_asset}",
        handler=page_files.read_doors_asset,
        path_types={"doors_asset": page_files.DoorsAsset},
        answers={_OK: bytes},
        media=("text/css", "text/javascript"),
    ),
)

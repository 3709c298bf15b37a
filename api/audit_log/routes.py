"""Routes of the audit log."""

from http import HTTPStatus

from api.access.callers import MANAGERS
from api.audit_log import handlers, schemas
from api.http.types import Page
from api.route import Route

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/audit-log",
        handler=handlers.list_audit_log,
        tag="Audit log",
        roles=MANAGERS,
        scoped=True,
        query=handlers.AuditLogQuery,
        answers={HTTPStatus.OK: Page[schemas.AuditLogEntry]},
    ),
)

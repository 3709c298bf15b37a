"""Statistics, derived from the rows in Postgres."""

from typing import Any

from aiohttp import web

from api.events import event_of_path
from api.keys import POSTGRES
from api.pages import PageQuery, decode_cursor, encode_cursor, page

"""A typed client of Onsale's API for back ends.

    async with Onsale("https://tickets.example", token) as onsale:
        held = await onsale.create_reservation({"items": [{"ticket_id": 7, "quantity": 2}], "customer": {"id": "22"}})

Methods have the names of the operations in /openapi.json. A problem is raised as ProblemError, and a lost connection as
NoAnswerError once no more time is left for retries.
"""

from onsale_client.calls import NoAnswerError, ProblemError
from onsale_client.clock import ServerClock
from onsale_client.operations import Operations
from onsale_client.streams import StreamEvent

__all__ = ["NoAnswerError", "Onsale", "ProblemError", "ServerClock", "StreamEvent"]


class Onsale(Operations):
    """The API of a server."""

"""Faults and bugs: everything that can go wrong besides a refusal.

EngineError
├── Fault                 the servers' trouble: 503, the same request may be sent again
│   ├── Overloaded        the queue is full; nothing was done
│   ├── Unready           Redis answers that it cannot do it now; nothing was done
│   ├── OutOfMemory       the memory of Redis is full: nothing more is taken until some is free; nothing was done
│   └── OutcomeUnknown    no answer came in time; the effect may have happened: repeat with the same ids
├── Misconfigured         the server cannot be used as it is; says what to change
└── EngineBug             a reply that cannot be, or a broken invariant: nobody catches it below the top
"""


class EngineError(Exception):
    """Anything the engine raises."""


class Fault(EngineError):
    """Redis is away, overloaded or slow."""


class Overloaded(Fault):
    """The partition's queue is full, or the command waited there too long; nothing was done."""


class Unready(Fault):
    """Redis answers that it cannot do it now: it has no memory left, is loading, or another server took over."""


class OutOfMemory(Fault):
    """Redis has no memory left for what takes or makes something; nothing was done. Everything else goes on."""

    def __init__(self) -> None:
        super().__init__("Redis has no memory left to take anything more; nothing was done; try again later")


HOW_TO_LEARN = "if you sent an Idempotency-Key, repeat the request with it; else look whether it was done"
"""Advice where no answer came in time."""


class OutcomeUnknown(Fault):
    """No answer came in time. The effect may have happened: repeat with the same ids to learn it."""


class Misconfigured(EngineError):
    """Redis cannot be used as it is set up; the message says what to change."""


class EngineBug(EngineError):
    """Redis answered what it cannot answer if all is well."""

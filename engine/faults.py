"""What can go wrong besides a refusal.

EngineError
├── Fault                 the servers' trouble: 503, the same request may be sent again
│   ├── Overloaded        the queue is full; nothing was done
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


class OutcomeUnknown(Fault):
    """No answer came in time. The effect may have happened: repeat with the same ids to learn it."""


class Misconfigured(EngineError):
    """Redis cannot be used as it is set up; the message says what to change."""


class EngineBug(EngineError):
    """Redis answered what it cannot answer if all is well."""

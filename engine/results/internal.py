"""Results that never leave the engine."""

from engine.results.result import Result


class Alike(Result, frozen=True, tag="alike"):
    """Held, as the command of that number in the same call is, from 1 (engine/alike.py). Never leaves the engine."""

    number: int


class Again(Result, frozen=True, tag="again"):
    """Holds that expired are not all given back yet; the engine sends the command again."""


class MemoryFull(Result, frozen=True, tag="out_of_memory"):
    """Redis is too full to take anything. Never leaves the engine, which raises OutOfMemory."""

"""Log lines of other processes that a person should see."""

from pathlib import Path

import msgspec

_LOUD = {"warning", "error", "critical"}
_QUIET_MEMBERS = {"at", "level", "event", "logger", "exception"}


class LogFollower:
    """Reads on in a log file of JSON lines and picks what is a warning or worse."""

    def __init__(self, name: str, log_file: Path) -> None:
        self._name = name
        self._log_file = log_file
        self._read_to = 0
        self._rest = b""

    def news(self) -> list[str]:
        """One readable line for each warning or error since the last time."""
        with self._log_file.open("rb") as log:
            log.seek(self._read_to)
            read = log.read()
        self._read_to += len(read)
        *lines, self._rest = (self._rest + read).split(b"\n")
        told = (self._told(line) for line in lines)
        return [line for line in told if line]

    def _told(self, line: bytes) -> str | None:
        try:
            entry = msgspec.json.decode(line, type=dict[str, object])
        except msgspec.DecodeError:
            return None  # not a log line; it stays in the file
        if entry.get("level") not in _LOUD:
            return None
        details = " ".join(f"{name}={value}" for name, value in entry.items() if name not in _QUIET_MEMBERS)
        return f"{self._name}: {entry['level']}: {entry.get('event')} {details}".rstrip()

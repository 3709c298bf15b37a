"""TCP ports on loopback."""

import errno
import random
import socket

from cli.errors import UserError

LOOPBACK = "127.0.0.1"

_NOT_EPHEMERAL = range(15_000, 32_000)
"""Linux gives outgoing connections 32768 to 60999, other systems 49152 to 65535."""

_TRIES = 200


def free_port() -> int:
    """A port that nobody listens on at this moment.

    It is none of those that outgoing connections get: one of them would have it before a server that starts.
    """
    return free_ports(1)[0]


def free_ports(number: int) -> list[int]:
    """That many ports, all different: servers that start together must not be given the same one."""
    found: list[int] = []
    for port in random.sample(_NOT_EPHEMERAL, _TRIES):
        if len(found) == number:
            break
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            found.append(port)
    if len(found) < number:
        raise UserError("found no free port on loopback; stop programs that listen there")
    return found


def check_port(host: str, port: int) -> None:
    """Raises UserError if a server could not listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: a port that only waits for its last connections to fade is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise UserError(
                    f"port {port} is in use: stop the program that uses it, or choose another with --port"
                ) from error
            raise UserError(f"cannot listen on {host} port {port}: {error.strerror}") from error

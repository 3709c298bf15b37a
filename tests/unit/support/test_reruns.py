"""The counts of pytest-rerunfailures, which each worker of pytest-xdist asks for before each test."""

import socket

import pytest


def test_the_counts_of_reruns_are_asked_for_at_once(pytestconfig: pytest.Config) -> None:
    if not hasattr(pytestconfig, "workerinput") or not pytestconfig.pluginmanager.hasplugin("rerunfailures"):
        pytest.skip("a single process asks itself")
    counts = vars(pytestconfig)["failures_db"]
    assert counts.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

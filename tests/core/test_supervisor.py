"""Who watches over processes; with real ones it is tested in ``tests/test_serve.py``."""

import os

import pytest

from app.core.supervisor import NeverReady, Seat, Supervisor


def test_a_process_that_ends_before_it_is_ready_ends_all(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    seats = [Seat("helper", ["--help"]), Seat("broken", ["no-such-command"])]
    supervisor = Supervisor(seats, os.environ, on_ready=lambda: told.append("ready"))
    with pytest.raises(NeverReady, match=r"^(helper ended with 0|broken ended with 2) before it was ready$"):
        supervisor.run()
    assert told == []
    assert capfd.readouterr().err.count("\n") <= 1

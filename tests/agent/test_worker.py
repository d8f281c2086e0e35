"""The thread of the collectors: what hangs in it is left behind."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from muster_agent.worker import HungError, Worker


def test_calls_run_one_after_the_other_in_one_daemon_thread() -> None:
    worker = Worker(30.0)

    threads = [worker.run(threading.current_thread) for _ in range(3)]

    assert len(set(threads)) == 1
    assert threads[0].daemon
    assert threads[0] is not threading.main_thread()


def test_what_hangs_is_left_behind_and_the_next_call_has_a_thread_of_its_own() -> None:
    worker = Worker(0.1)
    go_on = threading.Event()
    hung: list[threading.Thread] = []

    def hang() -> None:
        hung.append(threading.current_thread())
        go_on.wait(30)

    with pytest.raises(HungError):
        worker.run(hang)

    assert worker.abandoned == 1
    assert worker.run(lambda: 7) == 7
    go_on.set()
    hung[0].join(10)
    assert not hung[0].is_alive()  # it keeps no thread once it is over


class Told(BaseException):
    """To stop, by a signal."""


def hear(_number: int, _frame: object) -> None:
    raise Told


def test_a_signal_ends_the_wait_and_whoever_was_told_to_stop_may_still_call() -> None:
    worker = Worker(30.0)
    go_on = threading.Event()

    def hang() -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        go_on.wait(30)

    before = signal.signal(signal.SIGUSR1, hear)
    try:
        with pytest.raises(Told):
            worker.run(hang)
        assert worker.run(lambda: 7) == 7
        assert worker.abandoned == 0
    finally:
        go_on.set()
        signal.signal(signal.SIGUSR1, before)

import threading
import time

import pytest

from cxrapp.runtime.network_queue import NetworkQueue


def wait_until(queue: NetworkQueue, length: int) -> None:
    while len(queue) < length:
        time.sleep(0.001)


def test_turns_go_round_in_the_order_of_asking() -> None:
    queue, order = NetworkQueue(), []

    def take(name: str) -> None:
        with queue.turn():
            order.append(name)

    threads = [threading.Thread(target=take, args=(name,)) for name in "abc"]
    with queue.turn():
        for place, thread in enumerate(threads, start=1):
            thread.start()
            wait_until(queue, place + 1)
            assert queue.ahead(thread) == place
        assert order == []
    for thread in threads:
        thread.join()
    assert order == ["a", "b", "c"]
    assert len(queue) == 0


def test_a_long_work_lets_others_in_between() -> None:
    queue, order = NetworkQueue(), []

    def take(name: str, count: int) -> None:
        for _ in range(count):
            with queue.turn():
                order.append(name)
                wait_until(queue, 2 if len(order) < 2 else 1)

    many = threading.Thread(target=take, args=("many", 5))
    many.start()
    one = threading.Thread(target=take, args=("one", 1))
    one.start()
    many.join()
    one.join()
    assert order.index("one") == 1


def test_two_may_have_their_turn_together() -> None:
    queue = NetworkQueue(2)
    together, waited, third = threading.Barrier(2), threading.Event(), threading.Event()

    def meet() -> None:
        with queue.turn():
            together.wait(timeout=10)
            waited.wait(timeout=10)

    def come() -> None:
        with queue.turn():
            third.set()

    pair = [threading.Thread(target=meet) for _ in range(2)]
    for thread in pair:
        thread.start()
    wait_until(queue, 2)
    last = threading.Thread(target=come)
    last.start()
    wait_until(queue, 3)
    assert not third.is_set()
    waited.set()
    for thread in (*pair, last):
        thread.join(timeout=10)
    assert not together.broken
    assert third.is_set()


def test_a_failure_passes_the_turn_on() -> None:
    queue = NetworkQueue()
    with pytest.raises(ZeroDivisionError), queue.turn():
        _ = 1 / 0
    with queue.turn():
        assert len(queue) == 1
    assert queue.ahead(threading.current_thread()) == 0

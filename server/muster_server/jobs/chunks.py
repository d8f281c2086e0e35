"""One bad device never stops the others: a failing chunk is halved until the device that fails stands alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.exc import OperationalError

Item = TypeVar("Item")


def work_off(
    items: Sequence[Item], work: Callable[[Sequence[Item]], None], *, failed: Callable[[Item, Exception], None]
) -> None:
    """Do `work` on all items at once; where it fails, on halves, until `failed` is told of the one that cannot be done.

    A store that is away is nobody's fault: OperationalError passes through.
    """
    if not items:
        return
    try:
        work(items)
    except OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 - one of the two broad excepts of Muster: the error is recorded by `failed`
        if len(items) == 1:
            failed(items[0], error)
            return
        middle = len(items) // 2
        work_off(items[:middle], work, failed=failed)
        work_off(items[middle:], work, failed=failed)

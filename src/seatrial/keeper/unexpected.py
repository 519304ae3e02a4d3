"""What nobody foresaw: a machine that refuses something, or a defect. It is told in words, as any
other failure is; the traceback goes to the keeper's log."""

from __future__ import annotations

import traceback

from seatrial.errors import KeeperError
from seatrial.evidence.redaction import Redactor
from seatrial.keeper.places import Place


def unexpected(error: BaseException, place: Place, what: str = "") -> KeeperError:
    """The error in a client's words; called in the keeper, whose standard error is its log."""
    first = error
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    traceback.print_exception(error)
    return KeeperError(
        Redactor().redact(f"{what}{type(first).__name__}: {first}"),
        hint="see to what it names: rights, disk space, a limit, the length of SEATRIAL_HOME; "
        f"else it is a defect of Seatrial: please report it, with {place.keeper_log}",
    )

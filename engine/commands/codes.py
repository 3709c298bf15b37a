"""Commands on codes."""

from engine.commands.command import OnEvent
from engine.results.codes import CodeFound, CodesCounted, CodesPut, CodeUnknown, CodeUsedUp
from engine.results.events import BelowTaken, InUse, UnknownPool
from engine.results.holds import SoldOut
from engine.terms import CodeTerms

PutCodesRefusal = UnknownPool | InUse | BelowTaken | SoldOut

PutCodesResult = CodesPut | PutCodesRefusal

FindCodeResult = CodeFound | UnknownPool | CodeUnknown | CodeUsedUp


class PutCodes(OnEvent[PutCodesResult], frozen=True, tag="put_codes"):
    """Makes codes with these terms, or gives existing ones other terms; a thousand at most.

    `is_new`: refused where one is there. `follows`: an allocation gets as many places as there are, without a refusal.
    """

    terms: CodeTerms
    codes: list[str]
    is_new: bool = False
    follows: bool = False


class CountCodes(OnEvent[CodesCounted], frozen=True, tag="count_codes"):
    """Reads the counters of codes; zeros of those that are not there."""

    reads = True

    codes: list[str]


class FindCode(OnEvent[FindCodeResult], frozen=True, tag="find_code"):
    """Reads what a code opens to a customer."""

    reads = True

    code: str
    customer_id: str

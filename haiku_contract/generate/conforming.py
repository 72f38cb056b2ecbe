"""Small conforming payloads: the simplest one of a schema, and the simplest one that reaches a given site."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.errors import UsageError
from haiku_contract.generate.goals import ALONE, Host, Positions
from haiku_contract.generate.plausible import EXTRA_KEY, PLAUSIBLE
from haiku_contract.generate.solver import Solver, Undecided
from haiku_contract.localising import localised
from haiku_contract.schemas import Document

if TYPE_CHECKING:
    from haiku_contract.schemas import Schema
    from haiku_contract.validation import SchemaValidator

__all__ = ["ALONE", "EXTRA_KEY", "PLAUSIBLE", "Host", "Positions", "Undecided", "emptiness", "simplest", "solver_of"]

_MOST_CACHED: Final = 32


def simplest(root: Schema) -> Any:
    """The simplest plausible payload: required keys only, one element in arrays, short texts, small numbers.

    Raises:
        Unsatisfiable: there is none; the message says why.
        Undecided: none was found within the bound of the search.
    """
    return Solver(Document(localised(root))).simplest()


def emptiness(validator: SchemaValidator) -> UsageError | None:
    """Why no payload of a schema is known: `Unsatisfiable`, a proof, or that it is undecided; None where one is."""
    try:
        solver_of(validator).simplest()
    except UsageError as error:
        return error
    return None


@lru_cache(_MOST_CACHED)
def solver_of(validator: SchemaValidator) -> Solver:
    """The solver for a schema, judged by its engine; what it finds is kept for the next question."""

    def judge(payload: Any) -> bool:
        return validator.settled(payload) is True  # the engines are compiled when they are asked first

    return Solver(Document(localised(validator.schema), assert_format=validator.assert_format), judge)

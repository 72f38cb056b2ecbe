"""Event streams as part of a contract: the grammar as data, and the validator that holds a stream against it."""

from haiku_contract.stream.grammar import StreamGrammar
from haiku_contract.stream.validator import StreamError, StreamOutcome, StreamValidator

__all__ = ["StreamError", "StreamGrammar", "StreamOutcome", "StreamValidator"]

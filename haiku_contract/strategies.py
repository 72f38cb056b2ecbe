"""Hypothesis strategies for payloads of a contract: `@given(requests())`.

Needs the extra `fuzz`: `pip install 'haiku-contract[fuzz]'`.
"""

from haiku_contract.errors import MissingExtraError

try:
    from haiku_contract.generate.strategies import faulted_requests, faulted_responses, requests, responses
    from haiku_contract.generate.stream_strategies import chunkings, faulted_streams, streams
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "hypothesis":
        raise
    raise MissingExtraError("fuzz") from None

__all__ = [
    "chunkings",
    "faulted_requests",
    "faulted_responses",
    "faulted_streams",
    "requests",
    "responses",
    "streams",
]

"""The public names of the package, and what an import may load."""

from __future__ import annotations

import subprocess
import sys

import pytest

import haiku_contract as hc

PUBLIC = {
    "Advice",
    "Constraint",
    "Contract",
    "ContractAdvice",
    "ContractLoadError",
    "ContractViolation",
    "ContractWarning",
    "EndpointError",
    "GuardTransport",
    "HaikuContractError",
    "MissingExtraError",
    "Observation",
    "PredictedOutcome",
    "Prediction",
    "RequestValidator",
    "SchemaValidator",
    "StreamError",
    "StreamGrammar",
    "StreamOutcome",
    "StreamValidator",
    "UsageError",
    "Violation",
    "__version__",
    "load",
}


def test_the_public_names() -> None:
    assert set(hc.__all__) == PUBLIC
    assert list(hc.__all__) == sorted(hc.__all__)
    for name in PUBLIC:
        assert getattr(hc, name) is not None
    assert set(dir(hc)) >= PUBLIC
    with pytest.raises(AttributeError, match="'haiku_contract' has no attribute 'lode'"):
        hc.lode  # noqa: B018 - to look is to ask


HEAVY = ("hypothesis", "pytest", "click", "rich", "tenacity", "uvicorn", "httpx", "jsonschema")
ENGINES = ("jsonschema_rs", "orjson", "haiku_contract.contract", "haiku_contract.model")


def output_of(script: str) -> tuple[str, str]:
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    return result.stdout.strip(), result.stderr.strip()


def test_what_an_import_loads() -> None:
    heavy = (*HEAVY, *ENGINES)
    script = f"import sys, haiku_contract; print(*[name for name in {heavy!r} if name in sys.modules])"
    assert output_of(script) == ("", "")


def test_validating_loads_nothing_more() -> None:
    script = f"""
import sys, haiku_contract as hc
list(hc.load().request.iter_errors({{"messages": [{{"role": "x", "content": 5}}], "max_tokens": float("nan")}}))
list(hc.load().response.iter_errors_bytes(b'{{"a": 1, "a": 2}}'))
print(*[name for name in {HEAVY!r} if name in sys.modules])
"""
    assert output_of(script) == ("", "")

"""What the guard answers in the endpoint's place: the rejection that `predict` names, never another one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

import haiku_contract as hc
from haiku_contract.generate import suite
from haiku_contract.model import ABSENT, Case

URL = "http://127.0.0.1:9/"
JSON = {"content-type": "application/json"}
PREFIX = "Model execution failed (User Input Error): "
CASES = [case for case in suite(hc.load()) if case.side == "request" and case.kind == "faulted"]


def message(response: httpx.Response) -> str:
    (entry,) = response.json()["errors"]
    assert (response.status_code, entry["code"]) == (400, 7003)
    return str(entry["message"])


def answered(guard: Any, case: Case) -> str:
    request = httpx.Request("POST", URL, content=case.body, headers={"content-type": case.content_type})
    return message(guard(request="respond").transport.handle_request(request))


def test_respond_says_what_predict_says(contract: hc.Contract, guard: Any) -> None:
    told = 0
    for case in CASES:
        text = answered(guard, case)
        if case.payload is not ABSENT and not any(one.startswith("wire:") for one in case.breaks):
            predicted = contract.request.predict(case.payload)
            assert text.startswith(f"{predicted.message} [{predicted.constraint}]"), case.id
            told += 1
        else:
            assert text.startswith(f"{PREFIX}Invalid JSON body: "), case.id
    assert told > 50


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        # Advice comes first by how useful it is, the gateway by the order of its schema.
        ({"messages": [{"role": "uzer", "content": 5}], "max_tokns": 5, "temperature": "hot"},
         ('Invalid value at messages[0].role: Invalid option: expected one of "user"|"assistant" '
          '[request:/properties/messages/items/properties/role/enum] did you mean "user"?')),
        ({"messages": [{"role": "user"}, {"role": "user", "content": "x"}], "max_tokens": 0},
         ('Invalid value at messages[0].content: Invalid input '
          '[request:/properties/messages/items/required/1] add "content"')),
        ({"max_tokens": 5}, 'Required value missing: messages [request:/required/0] add "messages"'),
    ],
)  # fmt: skip
def test_the_problem_that_the_gateway_comes_to_first(post: Any, guard: Any, payload: Any, text: str) -> None:
    assert message(post(guard(request="respond"), json=payload)) == PREFIX + text


def test_of_several_places_the_hint_is_that_of_the_one_which_is_named(
    contract: hc.Contract, post: Any, guard: Any
) -> None:
    payload = {"messages": [{"role": role, "content": "x"} for role in ("user", "?", "asistant")], "max_tokens": 5}
    predicted = contract.request.predict(payload)
    assert predicted.field == "/messages/1/role"
    assert message(post(guard(request="respond"), json=payload)) == f"{predicted.message} [{predicted.constraint}]"


def test_what_conforms_is_sent(post: Any, guard: Any, answer: Any) -> None:
    assert post(guard(request="respond")).json() == answer


BROKEN_RULE = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8, "temperature": 1, "top_p": 1}


def test_advice_that_would_be_raised_is_answered_too(contract: hc.Contract, post: Any, guard: Any) -> None:
    """What a transport raises an SDK takes for a lost connection, and tries again."""
    one = guard(request="respond", advice="raise")
    predicted = contract.request.predict(BROKEN_RULE)
    assert predicted.outcome is hc.PredictedOutcome.REJECTED_UPSTREAM
    text = message(post(one, json=BROKEN_RULE))
    assert text.startswith(f"{PREFIX}{predicted.message} [{predicted.rule}] ")
    assert one.network.sent == []
    assert [len(each.advice) for each in one.seen] == [1]


def test_advice_raises_in_every_other_mode(post: Any, guard: Any) -> None:
    one = guard(request="raise", advice="raise")
    with pytest.raises(hc.ContractAdvice, match="temperature and top_p together"):
        post(one, json=BROKEN_RULE)
    assert one.network.sent == []


def test_advice_that_warns_lets_the_request_pass(post: Any, guard: Any, answer: Any) -> None:
    with pytest.warns(hc.ContractWarning, match="request may be refused: .*temperature and top_p together"):
        assert post(guard(request="respond", advice="warn"), json=BROKEN_RULE).json() == answer

"""The protocol above single events: the order as a table, and what belongs together over several events.

Which event may come when is looked up, never decided here; the handlers below know what an event that fits means. The
rules are named in `haiku_contract.stream.grammar`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import wire
from haiku_contract.stream import grammar as rules
from haiku_contract.stream.assembler import MERGED, Assembler
from haiku_contract.stream.inputs import ToolInput, declared
from haiku_contract.stream.reporting import Place, named, tally, under, violation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from haiku_contract.model import Violation
    from haiku_contract.stream.grammar import StreamGrammar

_UNKNOWN: Final = "unknown"  # the state of a stop reason or of an open block of which only a broken event spoke
_OF_A_BLOCK: Final = frozenset(("content_block_start", "content_block_delta", "content_block_stop"))


class Protocol:
    """Where one stream is, and what has been put together of it.

    Attributes:
        error: type and message of the `error` event; None before there is one.
        unknown: how often which unknown type came.
    """

    def __init__(self, grammar: StreamGrammar, *, request: Any, assemble: bool) -> None:
        self.error: tuple[str, str] | None = None
        self.unknown: Counter[str] = Counter()
        self._grammar = grammar
        self._states = grammar.states
        self._state = grammar.initial
        self._refused = ""  # the state that has refused an event, until one is accepted again
        self._assembler = Assembler() if assemble else None
        self._tools = declared(request)
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "message_start": self._on_message_start,
            "content_block_start": self._on_block_start,
            "content_block_delta": self._on_delta,
            "content_block_stop": self._on_block_stop,
            "message_delta": self._on_message_delta,
            "message_stop": self._on_message_stop,
            "error": self._on_error,
        }
        self._blocks = 0  # how many content blocks have begun
        self._index: int | None = None  # of the open one
        self._number: int | None = None  # which one it is, where that differs
        self._block = ""  # its type
        self._fits: frozenset[str] | None = None  # the delta types that fit it; None: any
        self._input: ToolInput | None = None
        self._cut: Violation | None = None  # an input that was not whole, until the stop reason is known
        self._usage: dict[str, float] = {}
        self._stop_reason: str | None = None
        self._at: tuple[int, str, int | None] = (0, "", None)  # makes a Place
        self._found: list[Violation] = []

    @property
    def at_the_end(self) -> bool:
        """The message is complete."""
        return self._state in self._grammar.terminal and self.error is None

    @property
    def is_over(self) -> bool:
        """Nothing may come any more."""
        return self._state in self._grammar.terminal

    @property
    def message(self) -> dict[str, Any] | None:
        """The message as far as it has come; of an input that is still arriving what is whole."""
        message = None if self._assembler is None else self._assembler.message
        if message is not None and self._input is not None:
            message["content"][-1]["input"] = self._input.value
        return message

    def take(self, kind: str, value: dict[str, Any], offset: int | None, number: int, found: list[Violation]) -> None:
        """An event of a known type that conforms to its schema; what is wrong with it here is added to `found`."""
        self._at = (number, kind, offset)
        self._found = found
        following = self._states[self._state].get(kind)
        if following is not None:
            self._state = following
            self._refused = ""
        elif not self._goes_on(kind, value):
            return
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(value)

    def take_broken(self, kind: str, value: Any, offset: int | None, number: int, found: list[Violation]) -> None:
        """An event of a known type that is broken in itself: it changes the state and nothing else."""
        self._at = (number, kind, offset)
        self._found = found
        following = self._states[self._state].get(kind)
        if following is None and not self._goes_on(kind, value):
            return
        if following is not None:
            self._state = following
        if kind == "content_block_start":
            self._open_block(self._blocks, {"type": _UNKNOWN}, None)
        elif kind == "content_block_stop":
            self._close_block()
        elif kind == "content_block_delta":
            self._input = None  # a piece of it is missing
        elif kind == "message_delta":
            self._stop_reason = _UNKNOWN
        elif kind == "error":
            self._on_error(value)

    def take_unknown(self, kind: str) -> None:
        """An event of an unknown type, not after the end: tolerated and counted."""
        tally(self.unknown, kind)

    def take_late(self, place: Place, found: list[Violation]) -> None:
        """An event of any kind after the end."""
        self._at, self._found = place, found
        self._refuse(place.kind)

    def finish(self, place: Place, found: list[Violation]) -> None:
        """The stream has ended."""
        if self._state not in self._grammar.terminal:
            states = " or ".join(self._grammar.states[self._state]) or "nothing"
            words = ("the stream to go on until message_stop or error", "its end", f"expected next: {states}")
            found.append(violation(rules.TERMINAL, place, (), words))

    # -- the order ------------------------------------------------------------------------------------------------

    def _refuse(self, kind: str) -> None:
        if self._refused == self._state:
            return
        self._refused = self._state
        accepted = self._states[self._state]
        expected = (
            " or ".join(accepted) if accepted else f"nothing after the {'end' if self.error is None else 'error'}"
        )
        self._report(rules.accepts(self._state), (), expected, named(kind) or "another event")

    def _goes_on(self, kind: str, value: Any) -> bool:
        """Report an event that its state does not accept; whether to go on as if it had come in time.

        It is ignored where it repeats what has been or comes too late, so that one fault stays one violation.
        """
        self._refuse(kind)
        target = self._grammar.later[self._state].get(kind)
        if target is None:
            return False
        if kind in _OF_A_BLOCK:
            # Where the event that should have come before is missing, this one speaks of the block after the last one.
            if not isinstance(value, dict) or value.get("index") != self._blocks:
                return False
            if kind != "content_block_start":
                self._open_block(self._blocks, {"type": _UNKNOWN}, None)
        self._state = target
        if kind == "message_stop":
            self._stop_reason = self._stop_reason or _UNKNOWN
        return True

    # -- what an event that fits means ----------------------------------------------------------------------------

    def _on_message_start(self, value: dict[str, Any]) -> None:
        message = value["message"]
        self._count_usage(message["usage"], ("message", "usage"))
        if self._assembler is not None:
            self._assembler.start(message)

    def _on_block_start(self, value: dict[str, Any]) -> None:
        index, block = value["index"], value["content_block"]
        if index != self._blocks:
            expected = f"{self._grammar.expected(rules.INDEX_START)} ({self._blocks})"
            self._report(rules.INDEX_START, ("index",), expected, wire.describe(index))
        self._open_block(index, block, block)

    def _on_delta(self, value: dict[str, Any]) -> None:
        if value["index"] != self._index and not self._is_open(value["index"]):
            self._input = None  # a piece of it may be missing
            expected = f"{self._grammar.expected(rules.INDEX_DELTA)} ({self._index})"
            self._report(rules.INDEX_DELTA, ("index",), expected, wire.describe(value["index"]))
            return
        delta = value["delta"]
        kind, fits = delta["type"], self._fits
        if fits is None or kind not in fits:
            self._on_other_delta(kind)
        elif kind == "input_json_delta":
            self._on_piece(delta["partial_json"])
        elif kind not in MERGED:
            tally(self.unknown, f"content_block_delta/{kind}")
        elif self._assembler is not None:
            self._assembler.add(delta)

    def _on_other_delta(self, kind: str) -> None:
        if kind not in self._grammar.deltas:
            tally(self.unknown, f"content_block_delta/{kind}")
        elif self._fits is not None:
            expected = " or ".join(sorted(self._fits)) or f"no delta, a {self._block} is whole from the start"
            self._report(rules.deltas(self._block), ("delta", "type"), expected, f"{kind} in a {self._block}")

    def _on_piece(self, piece: str) -> None:
        tool = self._input
        if tool is None or not tool.pieces.can_be_json:
            if tool is not None:
                tool.feed(piece)
            return
        nothing_before = not tool.pieces.first
        if not tool.feed(piece):
            expected = self._grammar.expected(rules.INPUT_JSON)
            deep = (wire.violation("depth", (), "more"),) if tool.pieces.is_too_deep else ()
            actual = wire.describe(piece)
            self._report(rules.INPUT_JSON, ("delta", "partial_json"), expected, actual, self._details("", deep))
        elif nothing_before and tool.pieces.first not in {"", "{"}:
            expected = self._grammar.expected(rules.INPUT_OBJECT)
            actual = f"JSON that begins with {tool.pieces.first}"
            self._report(rules.INPUT_OBJECT, ("delta", "partial_json"), expected, actual)

    def _on_block_stop(self, value: dict[str, Any]) -> None:
        if value["index"] != self._index and not self._is_open(value["index"]):
            expected = f"{self._grammar.expected(rules.INDEX_STOP)} ({self._index})"
            self._report(rules.INDEX_STOP, ("index",), expected, wire.describe(value["index"]))
        self._close_block()

    def _on_message_delta(self, value: dict[str, Any]) -> None:
        delta, usage = value["delta"], value["usage"]
        self._count_usage(usage, ("usage",))
        self._stop_reason = delta["stop_reason"]
        if self._stop_reason is not None:
            self._settle(excused=self._stop_reason in self._grammar.cut_by)
        if self._assembler is not None:
            self._assembler.stop(delta, usage)

    def _on_message_stop(self, _value: dict[str, Any]) -> None:
        self._settle(excused=self._stop_reason == _UNKNOWN)
        if self._stop_reason is None:
            self._report(rules.STOP_REASON, (), self._grammar.expected(rules.STOP_REASON), "message_stop without one")

    def _on_error(self, value: Any) -> None:
        said = value.get("error") if isinstance(value, dict) else None
        kind, text = (said.get("type"), said.get("message")) if isinstance(said, dict) else (None, None)
        self.error = (kind if isinstance(kind, str) else _UNKNOWN, text if isinstance(text, str) else "")

    # -- what handlers share --------------------------------------------------------------------------------------

    def _open_block(self, index: int, block: dict[str, Any], known: dict[str, Any] | None) -> None:
        """A block begins; `known` is its start, None where only a broken or a missing event could have said it."""
        self._settle(excused=False)
        self._index = index
        self._number = self._blocks
        self._blocks += 1
        self._block = block["type"]
        self._fits = self._grammar.blocks.get(self._block)
        self._input = None
        if known is None:
            return
        if self._fits is None:
            tally(self.unknown, f"content_block_start/{self._block}")
        elif "input_json_delta" in self._fits:
            schema = self._tools.get(block["name"]) if self._block == "tool_use" else None
            self._input = ToolInput(block.get("input", {}), schema, keep=self._assembler is not None)
        if self._assembler is not None:
            self._assembler.open(known)

    def _is_open(self, index: int) -> bool:
        """A block that was opened under a wrong index may go on under the right one."""
        return index == self._number

    def _close_block(self) -> None:
        tool, self._input, self._index, self._number = self._input, None, None, None
        if tool is None:
            return
        if self._assembler is not None and tool.pieces.size:
            self._assembler.set_input(tool.value)
        if tool.pieces.size and tool.pieces.can_be_json and not tool.pieces.is_json:
            self._cut = self._fault(rules.INPUT_JSON, "an input that is not complete")
        elif tool.pieces.can_be_json:
            self._judge(tool)

    def _judge(self, tool: ToolInput) -> None:
        """An input that is whole, or that never began."""
        for rule, details in tool.faults():
            below = self._details(rule if rule == rules.INPUT_SCHEMA else "", details)
            fault = self._fault(rule, details[0].message, below)
            if tool.pieces.size:
                self._found.append(fault)
            else:  # perhaps it was cut off before its first piece
                self._cut = fault

    def _details(self, rule: str, found: Sequence[Violation]) -> tuple[Violation, ...]:
        """What is wrong within an input: under the id of the rule that asks for it, or under its own."""
        return tuple(under(rule or one.constraint, (self._at[0],), one) for one in found)

    def _settle(self, *, excused: bool) -> None:
        """It is known now whether an input that was cut off, or that never began, is a fault."""
        cut, self._cut = self._cut, None
        if cut is not None and not excused:
            self._found.append(cut)

    def _count_usage(self, usage: dict[str, Any], tokens: tuple[str, ...]) -> None:
        for name, path in self._grammar.usage.items():
            count: Any = usage
            for key in path:
                count = count.get(key) if isinstance(count, dict) else None
            if not isinstance(count, (int, float)):
                continue
            before = self._usage.get(name, count)
            if count < before:
                rule = rules.usage(name)
                expected = f"{self._grammar.expected(rule)} (at least {before})"
                self._report(rule, (*tokens, *path), expected, wire.describe(count))
            self._usage[name] = count

    def _report(
        self, rule: str, tokens: tuple[str, ...], expected: str, actual: str, context: tuple[Violation, ...] = ()
    ) -> None:
        self._found.append(violation(rule, Place(*self._at), tokens, (expected, actual, ""), context))

    def _fault(self, rule: str, actual: str, context: tuple[Violation, ...] = ()) -> Violation:
        words = (self._grammar.expected(rule), actual, context[0].hint if context else "")
        return violation(rule, Place(*self._at), (), words, context)

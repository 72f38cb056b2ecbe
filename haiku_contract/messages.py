"""From an engine's bare failures to violations that a person can act on: pure, one table row per keyword."""

from __future__ import annotations

import difflib
import itertools
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import constraints, pointer, wire
from haiku_contract.model import Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from haiku_contract.failures import Failure, Meaning
    from haiku_contract.model import Side


class _Text(NamedTuple):
    expected: str
    actual: str = ""  # empty: type and excerpt of the instance
    hint: str = ""
    discreet: str = ""  # the hint without the payload's value, where it holds one


_ARTICLES: Final = {
    "null": "null",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "an array",
    "object": "an object",
}
_MOST_NAMES = 8
_SHORT = 60
_LONG = 120
_RENAMED = 0.75
_MISSPELT = 0.6
_LONGEST_COMPARED = 200
_MOST_COMPARED = 100


def explain(meaning: Meaning, failures: Iterable[Failure], *, excerpts: bool = True) -> Iterator[Violation]:
    """The violations behind an engine's failures, in the engine's order; lazy.

    A failed union is explained by the branch that the author meant (`Meaning.intended`); only where none was meant in
    particular it is the union itself that is reported, with every branch in `context`. Without `excerpts` nothing of
    the payload is shown but its types, its keys and its lengths.
    """
    for failure in failures:
        if failure.branches and (branch := meaning.intended(failure)) is not None:
            yield from explain(meaning, branch, excerpts=excerpts)
        else:
            yield from _violations(meaning, failure, excerpts=excerpts)


def ranked(violations: Iterable[Violation]) -> list[Violation]:
    """The violations in the order in which they are worth reading.

    First what is next to right (a name or a value that is nearly another one), because it explains others; then from
    the outside in, because what is wrong outside decides what the inside is held against; else as in the schema.
    """
    return sorted(violations, key=lambda one: (not one.hint.startswith(_NEAR), one.instance_location.count("/")))


_NEAR: Final = ("did you mean", "rename")


def broken(violations: Iterable[Violation]) -> frozenset[str]:
    """The ids of all constraints that the violations report, the branches of unresolved unions included."""
    ids: set[str] = set()
    for violation in violations:
        ids.add(violation.constraint)
        ids |= broken(violation.context)
    return frozenset(ids)


def _violations(meaning: Meaning, failure: Failure, *, excerpts: bool) -> Iterator[Violation]:
    path, schema, side = failure.schema_path, meaning.schema, meaning.side
    keyword = meaning.keyword(failure)
    value = pointer.get(schema, path)
    if keyword == "required":
        for index, name in enumerate(value):
            if name not in failure.instance:
                yield _violation(side, (*path, index), failure, _required(name, failure.instance), excerpts=excerpts)
        return
    parent = pointer.get(schema, path[:-1]) if path else {}
    text = _TEXTS.get(keyword, _false)(value, parent, failure)
    context = tuple(one for branch in failure.branches for one in explain(meaning, branch, excerpts=excerpts))
    yield _violation(side, path, failure, text, context, excerpts=excerpts)


def _violation(
    side: Side,
    path: Sequence[str | int],
    failure: Failure,
    text: _Text,
    context: tuple[Violation, ...] = (),
    *,
    excerpts: bool,
) -> Violation:
    expected = wire.shorten(text.expected, _LONG)
    actual = wire.shorten(text.actual or wire.describe(failure.instance, excerpts=excerpts), _LONG)
    return Violation(
        constraint=f"{side}:{pointer.join(path)}",
        instance_location=pointer.join(failure.instance_path),
        expected=expected,
        actual=actual,
        message=wire.sentence(failure.instance_path, expected, actual),
        hint=wire.shorten(text.hint if excerpts else text.discreet or text.hint, _LONG),
        context=context,
    )


# -- one function per keyword: (value of the keyword, schema it stands in, failure) -> what to say ------------------


def _type(value: Any, _parent: Any, failure: Failure) -> _Text:
    names = constraints.types(value)
    return _Text(_either([_ARTICLES.get(name, name) for name in names]), "", *_conversion(failure.instance, names))


def _enum(value: Any, _parent: Any, failure: Failure) -> _Text:
    hint = _did_you_mean(failure.instance, [one for one in value if isinstance(one, str)])
    return _Text(_either([_literal(one) for one in value[:_MOST_NAMES]]), hint=hint)


def _const(value: Any, _parent: Any, failure: Failure) -> _Text:
    return _Text(_literal(value), hint=_did_you_mean(failure.instance, [value] if isinstance(value, str) else []))


def _required(name: str, instance: dict[str, Any]) -> _Text:
    near = _nearest(name, instance, _RENAMED)
    hint = f"rename {_literal(near)} to {_literal(name)}" if near else f"add {_literal(name)}"
    return _Text(f"the key {_literal(name)}", _keys(list(instance)), hint)


def _closed(value: Any, parent: Any, failure: Failure) -> _Text:
    known = list(parent.get("properties", {}))
    names = list(failure.unexpected)
    hints = (_did_you_mean(name, known) for name in names[:_MOST_COMPARED])
    remove = f"remove {' and '.join(_literal(name) for name in names[:_MOST_NAMES])}" if names else ""
    hint = next((one for one in hints if one), "") or remove
    expected = f"no keys beside {_keys(known, bare=True)}" if known else "no such keys"
    if value is not False:
        expected, hint = "further keys that fit their schema", ""
    return _Text(expected, _keys(names) if names else "", hint)


def _no_further(value: Any, _parent: Any, failure: Failure) -> _Text:
    if value is not False:
        return _Text("further items that fit their schema")
    return _Text("no further items", hint="remove them" if isinstance(failure.instance, list) else "remove it")


def _dependent(value: Any, _parent: Any, failure: Failure) -> _Text:
    missing = [
        f"{_literal(name)} (because of {_literal(key)})"
        for key, names in value.items()
        if key in failure.instance and isinstance(names, list)  # drafts before 2019-09 have schemas there too
        for name in names
        if name not in failure.instance
    ]
    return _Text("the keys " + ", ".join(missing), _keys(list(failure.instance)))


def _union(how: str) -> Callable[[Any, Any, Failure], _Text]:
    def text(value: Any, _parent: Any, failure: Failure) -> _Text:
        names = [
            name for branch in value if isinstance(branch, dict) for name in constraints.types(branch.get("type", []))
        ]
        expected = _either(list(dict.fromkeys(_summary(branch) for branch in value)))
        if how == "oneOf" and not all(failure.branches):
            return _Text(f"exactly one of: {expected}", "a value that fits more than one")
        return _Text(expected, "", *_conversion(failure.instance, names))

    return text


def _bound(words: str) -> Callable[[Any, Any, Failure], _Text]:
    return lambda value, _parent, _failure: _Text(words.format(_literal(value)))


def _count(words: str, unit: str) -> Callable[[Any, Any, Failure], _Text]:
    def text(value: Any, _parent: Any, failure: Failure) -> _Text:
        found = f"{wire.json_type(failure.instance)} of {len(failure.instance)}"
        return _Text(f"{words} {_literal(value)} {unit}{'' if value == 1 else 's'}", found)

    return text


def _false(_value: Any, _parent: Any, _failure: Failure) -> _Text:
    return _Text("nothing here", hint="remove it")


_TEXTS: Final[dict[str, Callable[[Any, Any, Failure], _Text]]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "multipleOf": _bound("a multiple of {}"),
    "maximum": _bound("at most {}"),
    "exclusiveMaximum": _bound("less than {}"),
    "minimum": _bound("at least {}"),
    "exclusiveMinimum": _bound("more than {}"),
    "maxLength": _count("at most", "character"),
    "minLength": _count("at least", "character"),
    "pattern": _bound("text that matches {}"),
    "format": _bound("text of the format {}"),
    "maxItems": _count("at most", "item"),
    "minItems": _count("at least", "item"),
    "uniqueItems": lambda _value, _parent, _failure: _Text("items that all differ"),
    "contains": lambda _value, _parent, _failure: _Text("an item that fits the schema under 'contains'"),
    "minContains": lambda value, _parent, _failure: _Text(f"at least {value} items that fit 'contains'"),
    "maxContains": lambda value, _parent, _failure: _Text(f"at most {value} items that fit 'contains'"),
    "maxProperties": _count("at most", "key"),
    "minProperties": _count("at least", "key"),
    **dict.fromkeys(("dependentRequired", "dependencies"), _dependent),
    "additionalProperties": _closed,
    "unevaluatedProperties": _closed,
    **dict.fromkeys(("items", "additionalItems"), _no_further),
    "unevaluatedItems": _no_further,
    "anyOf": _union("anyOf"),
    "oneOf": _union("oneOf"),
    "not": lambda _value, _parent, _failure: _Text("something that the schema under 'not' does not accept"),
}
"""What to say, by keyword; `required` speaks per member and is handled before the table."""


# -- words ------------------------------------------------------------------------------------------------------


def _either(words: list[str]) -> str:
    if len(words) < 2:  # noqa: PLR2004 - nothing to choose between
        return "".join(words)
    return ", ".join(words[:-1]) + " or " + words[-1]


def _literal(value: Any) -> str:
    shown = value[: _SHORT + 1] if isinstance(value, str) else value
    return wire.shorten(json.dumps(shown, ensure_ascii=False), _SHORT)


def _keys(names: list[Any], *, bare: bool = False) -> str:
    shown = ", ".join(_literal(name) for name in names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
    if bare:
        return shown
    return f"key{'' if len(names) == 1 else 's'} {shown}" if names else "no keys"


def _summary(schema: Any) -> str:
    """One branch of a union in a few words."""
    if not isinstance(schema, dict):
        return "anything" if schema else "nothing"
    if "const" in schema:
        return _literal(schema["const"])
    if "enum" in schema:
        return _either([_literal(one) for one in schema["enum"][:_MOST_NAMES]])
    if "type" in schema:
        return _either([_ARTICLES.get(name, name) for name in constraints.types(schema["type"])])
    return "what one of the branches describes"


def _did_you_mean(found: Any, known: list[str]) -> str:
    near = _nearest(found, known, _MISSPELT) if isinstance(found, str) else ""
    return f"did you mean {_literal(near)}?" if near else ""


def _nearest(found: str, known: Iterable[Any], cutoff: float) -> str:
    """The known text that is most like another, letters in either case and hyphens for underscores; empty for none.

    Two texts of which one is so much longer that they cannot be alike enough are not compared: a likeness is twice the
    letters in common over all letters, and comparing takes their product.
    """
    limit = (2 - cutoff) / cutoff
    size = len(found)
    near = (name for name in known if isinstance(name, str) and size <= limit * len(name) and len(name) <= limit * size)
    folded = {_fold(name): name for name in itertools.islice(near, _MOST_COMPARED)}
    if size > _LONGEST_COMPARED or not folded:
        return ""
    matches = difflib.get_close_matches(
        _fold(found), [one for one in folded if len(one) <= _LONGEST_COMPARED], 1, cutoff
    )
    return folded[matches[0]] if matches else ""


def _fold(name: str) -> str:
    return name[: _LONGEST_COMPARED + 1].casefold().replace("-", "_")


def _conversion(instance: Any, names: list[str]) -> tuple[str, ...]:
    """What to write instead, where a value of the wrong type holds one of the right type; then without the value."""
    if isinstance(instance, str) and len(instance) < _SHORT:
        decoded = wire.decode(instance).value
        kind = wire.json_type(decoded)
        if kind in names or (kind == "number" and isinstance(decoded, int) and "integer" in names):
            return f"write {instance.strip()} without quotes", "write it without quotes"
    if "string" in names and isinstance(instance, (int, float)):
        return f"write it in quotes: {_literal(str(_literal(instance)))}", "write it in quotes"
    for wanted, kinds, hint in _CONVERSIONS:
        if wanted in names and isinstance(instance, kinds):
            return (hint,)
    return ("leave it out, or send a value",) if instance is None else ()


_CONVERSIONS: Final[tuple[tuple[str, type | tuple[type, ...], str], ...]] = (
    ("string", list, "join its texts into one string"),
    ("array", (dict, str), "put it into an array"),
)

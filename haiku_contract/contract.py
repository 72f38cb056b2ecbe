"""Contracts: the shipped versions, a folder of the same form, or a catalog file with two schemas in it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import wire
from haiku_contract.errors import ContractLoadError
from haiku_contract.model import ABSENT
from haiku_contract.prediction import RequestValidator
from haiku_contract.stream.grammar import StreamGrammar
from haiku_contract.validation import SchemaValidator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from haiku_contract.constraints import Schema
    from haiku_contract.model import Constraint
    from haiku_contract.rules import Rule

DEFAULT_MODEL: Final = "anthropic/claude-haiku-4.5"
_MAX_SHOWN: Final = 240
MANIFEST: Final = "manifest.json"
REQUEST: Final = "request.schema.json"
RESPONSE: Final = "response.schema.json"
STREAM: Final = "stream.json"
RULES: Final = "rules.json"
ERROR: Final = "error.schema.json"
_FORMAT: Final = "anthropic-messages"

_PER: Final = "per_tokens"
_PRICE_TEXTS: Final = ("currency",)
_VERSION = re.compile(r"\d+\.\d+\.\d+\Z")
_CATALOG_PRICES: Final = {
    "Input tokens (per 1M)": "input",
    "Output tokens (per 1M)": "output",
    "Cached input tokens (per 1M)": "cached_input",
    "Cache creation tokens (per 1M)": "cache_creation",
}


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """One version of a model's contract. Loaded twice, it is two, as its validators are.

    Attributes:
        model_id: the model's id in the catalog, as in `anthropic/claude-haiku-4.5`.
        title: its name for people.
        version: version of the schema pair.
        manifest: everything else that is known, as in `manifest.json`; read it, do not change it.
        request: the request side, and what is known of it beyond the schema (`rules.json`). A contract without rules
            of its own has those of the newest shipped version of its model; other models have none.
        response: the response side.
        stream: what is known of the event streams that answer `stream: true`; None where nothing is. A contract
            without a `stream.json` whose manifest names the request format `anthropic-messages` has that of the newest
            shipped version of `DEFAULT_MODEL`, because streams of that format are the same for every model.
        error: the shapes of error bodies; None where nothing is known of them, with the same default.
    """

    model_id: str
    title: str
    version: str
    manifest: Mapping[str, Any]
    request: RequestValidator
    response: SchemaValidator
    stream: StreamGrammar | None = None
    error: SchemaValidator | None = None

    @property
    def id(self) -> str:
        """Model and version, as in `anthropic/claude-haiku-4.5@1.1.1`."""
        return f"{self.model_id}@{self.version}"

    @property
    def sides(self) -> tuple[SchemaValidator, SchemaValidator]:
        """Both sides, the request first."""
        return self.request, self.response

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """Every constraint of both sides."""
        return self.request.constraints + self.response.constraints


def load(ref: str | Path = DEFAULT_MODEL, *, version: str | None = None, assert_format: bool = False) -> Contract:
    """Load a contract.

    Args:
        ref: id of a shipped model, optionally with `@version`; or the path of a contract folder (`manifest.json`, the
            two schemas, and `stream.json` where it has one); or of a catalog file (a JSON object with `model_id` and
            `schema: {input, output}`).
        version: which shipped version; the newest when absent.
        assert_format: whether `format` asserts in the schemas of both sides, where it names a format of their draft; an
            annotation otherwise, as the published schemas mean it (Validation section 7.2).

    Raises:
        ContractLoadError: there is no such contract, or it cannot be used; the message says what to do.
    """
    contract = _load(ref, version)
    return _asserting(contract) if assert_format else contract


def _asserting(contract: Contract) -> Contract:
    request, response = contract.sides
    return replace(
        contract,
        request=RequestValidator(request.schema, contract.request.rules, assert_format=True),
        response=SchemaValidator("response", response.schema, assert_format=True),
    )


def _load(ref: str | Path, version: str | None) -> Contract:
    text = str(ref)
    path = Path(text)
    model_id, at, suffix = text.partition("@")
    shipped_versions = versions(model_id)
    if isinstance(ref, str) and shipped_versions:
        if at and version is not None and suffix != version:
            raise ContractLoadError(f"two versions for {model_id}: {suffix!r} after '@' and {version!r}; name one")
        named = suffix if at else version
        return _load_shipped(model_id, shipped_versions[-1] if named is None else named, shipped_versions)
    shown = f"'{wire.shorten(text, _MAX_SHOWN)}'"
    if not _exists(path):
        known = ", ".join(models())
        raise ContractLoadError(f"no contract {shown}: it is neither a shipped model ({known}) nor an existing path")
    if version is not None:
        raise ContractLoadError(f"a version can be chosen among shipped contracts only, and {shown} is a path")
    return _load_folder(path) if path.is_dir() else _load_catalog(path)


def _exists(path: Path) -> bool:
    """Whether there is a file or folder; False for what cannot be the name of one (a JSON text, for example)."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def models() -> list[str]:
    """The ids of the models whose contracts ship."""
    root = _shipped("schemas")
    return [
        f"{provider.name}/{model.name}"
        for provider in sorted(_folders(root), key=lambda folder: folder.name)
        for model in sorted(_folders(provider), key=lambda folder: folder.name)
        if versions(f"{provider.name}/{model.name}")
    ]


def versions(model_id: str) -> list[str]:
    """The shipped versions of a model, oldest first; empty for a model that does not ship."""
    provider, _, model = model_id.partition("/")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", model_id) or ".." in model_id:
        return []
    folder = _shipped("schemas") / provider / model
    found = [one.name for one in _folders(folder) if _VERSION.match(one.name)]
    return sorted(found, key=lambda name: [int(part) for part in name.split(".")])


def fixtures() -> Traversable:
    """The folder of the shipped fixtures: `<model id>/<version>/<side>/…`."""
    return _shipped("fixtures")


def _shipped(name: str) -> Traversable:
    """A top-level data folder: inside the installed package, or beside it in a checkout."""
    package = resources.files("haiku_contract")
    inside = package / name
    return inside if inside.is_dir() else Path(str(package)).parent / name


def _folders(parent: Traversable) -> list[Traversable]:
    return [child for child in parent.iterdir() if child.is_dir()] if parent.is_dir() else []


def _load_shipped(model_id: str, version: str, known: list[str]) -> Contract:
    if version not in known:
        raise ContractLoadError(f"no version {version!r} of {model_id}: choose one of {', '.join(known)}")
    return _load_folder(_shipped("schemas") / model_id / version)


def _load_folder(folder: Traversable) -> Contract:
    manifest = _object(folder / MANIFEST)
    for key in ("model_id", "version"):
        if not isinstance(manifest.get(key), str):
            raise ContractLoadError(f"{folder / MANIFEST}: expected a string under {key!r}; see schemas/README.md")
    request, response = (_part(folder / name, manifest) for name in (REQUEST, RESPONSE))
    return _contract(manifest, request, response, str(folder), folder)


def _part(path: Traversable, manifest: Mapping[str, Any]) -> Any:
    """One file of a contract folder: read, held against its digest, decoded."""
    body = _read(path)
    _check_digest(path, body, manifest.get("digests"))
    return _decode(body, path)


def _derived(name: str, manifest: Mapping[str, Any], folder: Traversable | None) -> tuple[str, Any] | None:
    """A part that nobody publishes and that this package derived, with where it comes from; None where it has none.

    A contract without the file has that of the newest shipped version of its model which has one; what belongs to the
    request format rather than to the model it has from `DEFAULT_MODEL`, where the manifest names the same format.
    """
    if folder is not None and (folder / name).is_file():
        return str(folder / name), _part(folder / name, manifest)
    formats = manifest.get("request_formats")
    usual = isinstance(formats, list) and _FORMAT in formats and name != RULES
    for model_id in (manifest["model_id"], *([DEFAULT_MODEL] if usual else [])):
        for version in reversed(versions(model_id)):
            path = _shipped("schemas") / model_id / version / name
            if path.is_file():
                return str(path), _decode(_read(path), path)
    return None


def _rules(part: tuple[str, Any] | None) -> tuple[Rule, ...]:
    from haiku_contract import rules  # noqa: PLC0415 - a third of this package's import time

    return rules.load(part[1], part[0]) if part else ()


def _stream(part: tuple[str, Any] | None) -> StreamGrammar | None:
    if part is None:
        return None
    origin, value = part
    try:
        return StreamGrammar(value)
    except ContractLoadError as error:
        raise ContractLoadError(f"{origin}: {error}") from None


def _load_catalog(path: Path) -> Contract:
    catalog = _object(path)
    pair = catalog.get("schema")
    if not isinstance(catalog.get("model_id"), str) or not isinstance(pair, dict):
        raise ContractLoadError(
            f"{path}: not a catalog file: expected a JSON object with 'model_id' and 'schema': {{'input', 'output'}}"
        )
    for key in ("input", "output"):
        if key not in pair:
            raise ContractLoadError(f"{path}: not a catalog file: 'schema' has no {key!r}")
    pricing = catalog.get("pricing")
    prices = {"currency": "USD", _PER: 1_000_000} | {
        name: pricing[label]
        for label, name in _CATALOG_PRICES.items()
        if isinstance(pricing, dict) and label in pricing
    }
    manifest = {
        "model_id": catalog["model_id"],
        "title": catalog.get("name") or catalog["model_id"],
        "version": str(catalog.get("schema_version") or "0.0.0"),
        "provenance": {"catalog": path.name},
        "request_formats": catalog.get("request_formats", []),
        "limits": {
            name: catalog[label]
            for name, label in (("context_tokens", "context_length"), ("max_output_tokens", "max_output_tokens"))
            if label in catalog
        },
        "prices": prices,
    }
    return _contract(manifest, pair["input"], pair["output"], str(path), None)


def _contract(
    manifest: Mapping[str, Any], request: Schema, response: Schema, origin: str, folder: Traversable | None
) -> Contract:
    known = _derived(RULES, manifest, folder)
    errors = _derived(ERROR, manifest, folder)
    contract = Contract(
        model_id=manifest["model_id"],
        title=str(manifest.get("title", manifest["model_id"])),
        version=manifest["version"],
        manifest=manifest,
        request=RequestValidator(request, _rules(known)),
        response=SchemaValidator("response", response),
        stream=_stream(_derived(STREAM, manifest, folder)),
        error=SchemaValidator("error", errors[1]) if errors else None,
    )
    _check_prices(manifest.get("prices", {}), origin)
    for side in contract.sides:
        try:
            side.engine  # noqa: B018 - compiling is the check
        except ContractLoadError as error:
            raise ContractLoadError(f"{origin}: {error}") from None
    return contract


def _check_prices(prices: Any, origin: str) -> None:
    if not isinstance(prices, dict):
        raise ContractLoadError(f"{origin}: the prices are not an object: found {wire.describe(prices)}")
    for name, price in prices.items():
        is_number = isinstance(price, (int, float)) and not isinstance(price, bool)
        if name not in _PRICE_TEXTS and not (is_number and price >= 0 and (price or name != _PER)):
            raise ContractLoadError(f"{origin}: the price {name!r} is not a number: found {wire.describe(price)}")


def _read(path: Traversable) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ContractLoadError(
            f"{path}: no such file; a contract folder holds {MANIFEST}, {REQUEST}, {RESPONSE}"
        ) from None
    except OSError as error:
        raise ContractLoadError(f"{path}: cannot be read: {error.strerror or error}") from None


def _decode(body: bytes, path: Traversable) -> Any:
    value, violations = wire.decode(body)
    if value is ABSENT or violations:
        raise ContractLoadError(f"{path}: not JSON: {violations[0].message}")
    return value


def _object(path: Traversable) -> dict[str, Any]:
    value = _decode(_read(path), path)
    if not isinstance(value, dict):
        raise ContractLoadError(f"{path}: expected a JSON object, found {wire.describe(value)}")
    return value


def _check_digest(path: Traversable, body: bytes, digests: Any) -> None:
    """A released file never changes (schemas/README.md); a folder without digests is taken as it is."""
    expected = digests.get(path.name) if isinstance(digests, dict) else None
    if expected is not None and expected != f"sha256:{hashlib.sha256(body).hexdigest()}":
        raise ContractLoadError(
            f"{path}: not the file that {MANIFEST} describes (sha256 differs); add a version instead of editing one"
        )

"""Loading contracts in every form, what is said where that fails, the public names, and what an import may load."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

import haiku_contract as hc
from haiku_contract import contract as contracts

MODEL = "anthropic/claude-haiku-4.5"
VERSIONS = ["1.0.0", "1.1.0", "1.1.1"]
SHIPPED = Path(__file__).resolve().parents[1] / "schemas" / MODEL

# A sibling as its publisher's catalog describes it: another model, other schemas, the same form.
CATALOG: dict[str, Any] = {
    "model_id": "anthropic/claude-nightingale-9",
    "name": "Claude Nightingale 9",
    "provider": "anthropic",
    "task": "Text Generation",
    "context_length": 500_000,
    "max_output_tokens": 64_000,
    "request_formats": ["anthropic-messages"],
    "schema_version": "1.0.0",
    "pricing": {"Input tokens (per 1M)": 3, "Output tokens (per 1M)": 15, "Cached input tokens (per 1M)": 0.3},
    "schema": {
        "input": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "messages": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/message"}},
                "max_tokens": {"type": "integer", "minimum": 1, "maximum": 64_000},
                "effort": {"type": "string", "enum": ["low", "high"]},
            },
            "required": ["messages", "max_tokens"],
            "additionalProperties": False,
            "$defs": {
                "message": {
                    "type": "object",
                    "properties": {"role": {"enum": ["user", "assistant"]}, "content": {"type": "string"}},
                    "required": ["role", "content"],
                }
            },
        },
        "output": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"content": {"type": "string"}},
            "required": ["content"],
        },
    },
}


def write(path: Path, content: Any) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def folder(path: Path, **changes: Any) -> Path:
    """A contract folder; a part that is None is left out."""
    pair = CATALOG["schema"]
    parts = {
        "manifest": {"model_id": "a/b", "title": "B", "version": "2.0.0"},
        "request": pair["input"],
        "response": pair["output"],
    } | changes
    path.mkdir(exist_ok=True)
    for name, content in parts.items():
        if content is not None:
            write(path / ("manifest.json" if name == "manifest" else f"{name}.schema.json"), content)
    return path


# -- what can be loaded -----------------------------------------------------------------------------------------


def test_what_ships() -> None:
    assert contracts.models() == [MODEL]
    assert contracts.versions(MODEL) == VERSIONS
    assert contracts.versions("anthropic/claude") == []
    assert contracts.versions("../schemas") == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_shipped_version_in_every_way_to_name_it(version: str) -> None:
    loaded = [
        hc.load(MODEL, version=version),
        hc.load(version=version),
        hc.load(f"{MODEL}@{version}"),
        hc.load(SHIPPED / version),
        hc.load(str(SHIPPED / version)),
    ]
    for contract in loaded:
        assert contract.id == f"{MODEL}@{version}"
        for side, validator in zip(("request", "response"), contract.sides, strict=True):
            published = json.loads((SHIPPED / version / f"{side}.schema.json").read_text(encoding="utf-8"))
            assert validator.schema == published
            assert validator.side == side
        assert contract.constraints == contract.request.constraints + contract.response.constraints
        assert contract.request.is_valid({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1})


def test_the_newest_version_is_the_usual_one() -> None:
    assert hc.load().version == hc.load(MODEL).version == VERSIONS[-1]


def test_a_contract_is_a_value() -> None:
    contract = hc.load()
    with pytest.raises(FrozenInstanceError):
        contract.version = "9"  # type: ignore[misc]
    assert contract.request.constraint("request:/required/0") in contract.request.constraints
    assert contract.request.constraint("request:/nope") is None


def test_a_folder_of_the_same_form(tmp_path: Path) -> None:
    contract = hc.load(folder(tmp_path / "mine"))
    assert (contract.id, contract.title) == ("a/b@2.0.0", "B")
    assert contract.request.schema == CATALOG["schema"]["input"]


def test_a_folder_with_digests(tmp_path: Path) -> None:
    path = folder(tmp_path / "mine")
    digests = {
        name: f"sha256:{hashlib.sha256((path / name).read_bytes()).hexdigest()}"
        for name in ("request.schema.json", "response.schema.json")
    }
    folder(path, manifest={"model_id": "a/b", "version": "2.0.0", "digests": digests})
    assert hc.load(path).title == "a/b"


def test_a_catalog_file_of_a_sibling(tmp_path: Path) -> None:
    contract = hc.load(write(tmp_path / "nightingale.json", CATALOG))
    assert contract.id == "anthropic/claude-nightingale-9@1.0.0"
    assert contract.title == "Claude Nightingale 9"
    assert contract.manifest["limits"] == {"context_tokens": 500_000, "max_output_tokens": 64_000}
    assert contract.manifest["prices"] == {
        "currency": "USD", "per_tokens": 1_000_000, "input": 3, "output": 15, "cached_input": 0.3,
    }  # fmt: skip
    payload: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 10, "effort": "low"}
    assert contract.request.is_valid(payload)
    (violation,) = contract.request.iter_errors({**payload, "messages": [{"role": "user"}]})
    assert violation.constraint == "request:/$defs/message/required/1"
    assert violation.instance_location == "/messages/0"


def test_a_catalog_with_the_least_in_it(tmp_path: Path) -> None:
    least = {
        "model_id": "x/y",
        "schema": {"input": True, "output": {}},
        "name": None,
        "schema_version": None,
        "pricing": 5,
    }
    contract = hc.load(write(tmp_path / "least.json", least))
    assert (contract.id, contract.title) == ("x/y@0.0.0", "x/y")
    assert contract.request.is_valid(None)


# -- what cannot ------------------------------------------------------------------------------------------------


def refused(ref: Any, **options: Any) -> str:
    with pytest.raises(hc.ContractLoadError) as caught:
        hc.load(ref, **options)
    message = str(caught.value)
    assert message.isprintable(), "one line"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return message


@pytest.mark.parametrize(
    ("ref", "version", "said"),
    [
        ("anthropic/claude-haiku-9", None, f"neither a shipped model ({MODEL}) nor an existing path"),
        ("no/such/folder", None, "neither a shipped model"),
        ("", "1.0.0", "a path"),
        (MODEL, "9.9.9", "choose one of 1.0.0, 1.1.0, 1.1.1"),
        (f"{MODEL}@1.0", None, "choose one of 1.0.0, 1.1.0, 1.1.1"),
        (f"{MODEL}@../1.0.0", None, "choose one of"),
        ("../schemas", None, "neither a shipped model"),
        ("a\0b", None, "neither a shipped model"),
        ("a\nb", None, "neither a shipped model"),
        ("x" * 10_000, None, "neither a shipped model"),
        (json.dumps(CATALOG), None, "neither a shipped model"),
    ],
)
def test_names_that_name_nothing(ref: str, version: str | None, said: str) -> None:
    message = refused(ref, version=version)
    assert said in message
    assert len(message) < 400


def test_a_version_of_a_path(tmp_path: Path) -> None:
    assert "is a path" in refused(folder(tmp_path / "mine"), version="2.0.0")


BAD_JSON: list[tuple[bytes, str]] = [
    (b"", "found nothing"),
    (b"Hello", "line 1, column 1"),
    (b'{"model_id": "caf\xe9"}', "byte 0xE9 at offset 17"),
    (b"\xff\xfe{\x00}\x00", "UTF-8"),
    (b"\xef\xbb\xbf{}", "byte order mark"),
    (b"[" * 100_000, "line 1, column 255"),
    (b'{"model_id": NaN}', "line 1, column 14"),
    (b'{"model_id": "a", "model_id": "b"}', "twice"),
]


@pytest.mark.parametrize(("body", "said"), BAD_JSON)
def test_files_that_are_not_json(tmp_path: Path, body: bytes, said: str) -> None:
    catalog = write(tmp_path / "catalog.json", body)
    assert refused(catalog).startswith(f"{catalog}: not JSON: ")
    assert said in refused(catalog)
    for part in ("manifest", "request", "response"):
        path = folder(tmp_path / part, **{part: body})
        file = path / ("manifest.json" if part == "manifest" else f"{part}.schema.json")
        assert refused(path).startswith(f"{file}: not JSON: ")


NO_SCHEMA: list[tuple[Any, str]] = [
    ({"type": "foo"}, "at type: "),
    (5, "expected an object, found number 5"),
    (None, "expected an object, found null"),
    ([{}], "expected an object, found array of 1"),
    ({"$ref": "https://example.org/other.json"}, "https://example.org/other.json"),
    ({"properties": {"a": {"$ref": "other.json"}}}, "other.json"),
    ({"$ref": "#/$defs/nope"}, "nope"),
    ({"pattern": "("}, "at pattern: "),
    ({"properties": {"a\nb": {"type": "x\n" * 5000}}}, r"['a\nb'].type"),
]


@pytest.mark.parametrize(("schema", "said"), NO_SCHEMA)
@pytest.mark.parametrize("side", ["request", "response"])
def test_schemas_that_are_not_schemas(tmp_path: Path, schema: Any, said: str, side: str) -> None:
    pair = CATALOG["schema"] | {{"request": "input", "response": "output"}[side]: schema}
    for path in (
        folder(tmp_path / "mine", **{side: schema or b"null"}),
        write(tmp_path / "c.json", CATALOG | {"schema": pair}),
    ):
        message = refused(path)
        assert message.startswith(f"{path}: the {side} schema is not a schema")
        assert said in message
        assert len(message) < len(str(path)) + 400


@pytest.mark.parametrize(
    "catalog",
    [
        {},
        {"model_id": "a/b"},
        {"schema": CATALOG["schema"]},
        {"model_id": 5, "schema": CATALOG["schema"]},
        {"model_id": "a/b", "schema": None},
        {"model_id": "a/b", "schema": [{}, {}]},
        {"model_id": "a/b", "schema": {"input": {}}},
        {"model_id": "a/b", "schema": {"output": {}}},
    ],
)
def test_files_that_are_no_catalog(tmp_path: Path, catalog: Any) -> None:
    path = write(tmp_path / "catalog.json", catalog)
    assert refused(path).startswith(f"{path}: not a catalog file: ")


def test_a_catalog_that_is_a_list(tmp_path: Path) -> None:
    path = write(tmp_path / "catalog.json", [CATALOG])
    assert refused(path) == f"{path}: expected a JSON object, found array of 1"


def test_folders_that_are_no_contract(tmp_path: Path) -> None:
    empty = folder(tmp_path / "empty", manifest=None, request=None, response=None)
    assert refused(empty).startswith(f"{empty / 'manifest.json'}: no such file")
    for side in ("request", "response"):
        half = folder(tmp_path / f"no-{side}", **{side: None})
        assert refused(half).startswith(f"{half / side}.schema.json: no such file")
    for name, manifest in (("list", []), ("bare", {}), ("numbers", {"model_id": "a/b", "version": 2})):
        path = folder(tmp_path / name, manifest=manifest)
        assert refused(path).startswith(f"{path / 'manifest.json'}: expected a ")
    odd = folder(tmp_path / "odd", manifest=None)
    (odd / "manifest.json").mkdir()
    assert refused(odd).startswith(f"{odd / 'manifest.json'}: cannot be read: ")


@pytest.mark.parametrize("side", ["request", "response"])
@pytest.mark.parametrize("digest", ["sha256:0", "", 5])
def test_a_file_that_was_edited(tmp_path: Path, side: str, digest: Any) -> None:
    manifest = {"model_id": "a/b", "version": "2.0.0", "digests": {f"{side}.schema.json": digest}}
    path = folder(tmp_path / "mine", manifest=manifest)
    assert refused(path).startswith(f"{path / side}.schema.json: not the file that manifest.json describes")


@pytest.mark.parametrize(("ref", "version"), [(f"{MODEL}@", None), (MODEL, ""), (f"{MODEL}@1.0.0", "1.1.0")])
def test_a_version_is_named_once_and_in_full(ref: str, version: str | None) -> None:
    with pytest.raises(hc.ContractLoadError, match="version"):
        hc.load(ref, version=version)
    assert hc.load(f"{MODEL}@1.0.0", version="1.0.0").version == "1.0.0"


@pytest.mark.parametrize(
    "prices", [5, {"input": "$1.00"}, {"input": True}, {"output": -1}, {"input": 1, "per_tokens": 0}]
)
def test_prices_are_numbers(tmp_path: Path, prices: Any) -> None:
    path = _copy(tmp_path, "1.1.1")
    manifest = json.loads((path / "manifest.json").read_text("utf-8"))
    (path / "manifest.json").write_text(json.dumps({**manifest, "prices": prices}), "utf-8")
    with pytest.raises(hc.ContractLoadError, match="price"):
        hc.load(path)


def test_a_new_version_without_a_derived_file_has_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _copy(tmp_path / MODEL, "1.1.1")
    newest = _copy(tmp_path / MODEL, "1.1.1", as_version="1.2.0")
    (newest / "error.schema.json").unlink()
    monkeypatch.setattr(contracts, "_shipped", lambda _: tmp_path)
    contract = hc.load()
    assert contract.version == "1.2.0"
    assert contract.error is not None


def _copy(folder: Path, version: str, *, as_version: str | None = None) -> Path:
    target = folder / (as_version or version)
    shutil.copytree(SHIPPED / version, target)
    manifest = json.loads((target / "manifest.json").read_text("utf-8"))
    (target / "manifest.json").write_text(json.dumps({**manifest, "version": as_version or version}), "utf-8")
    return target

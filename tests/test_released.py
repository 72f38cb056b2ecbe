"""Released files never change: every one against its digest, every manifest against the list of what was released."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
MANIFESTS = sorted(SCHEMAS.glob("*/*/*/manifest.json"))
RELEASED: dict[str, str] = json.loads(Path(__file__).with_name("released.json").read_text(encoding="utf-8"))


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _digest(path: Path) -> str:
    return f"sha256:{sha256(path.read_bytes()).hexdigest()}"


def _key(manifest: Path) -> str:
    return manifest.parent.relative_to(SCHEMAS).as_posix()


@pytest.mark.parametrize("manifest", MANIFESTS, ids=_key)
def test_schemas_have_the_digests_of_their_manifest(manifest: Path) -> None:
    actual = {path.name: _digest(path) for path in sorted(manifest.parent.iterdir()) if path != manifest}
    assert actual == _read(manifest)["digests"], (
        f"the files of {_key(manifest)} are not those of its manifest. A released version never changes: restore its "
        "files and add a new version beside it, as schemas/README.md describes."
    )


@pytest.mark.parametrize("manifest", MANIFESTS, ids=_key)
def test_manifest_is_the_released_one(manifest: Path) -> None:
    key = _key(manifest)
    assert key in RELEASED, (
        f"{key} is new: add {json.dumps(key)}: {json.dumps(_digest(manifest))} to tests/released.json"
    )
    assert _digest(manifest) == RELEASED[key], (
        f"the manifest of {key} was edited after its release. A released version never changes: restore it and add a "
        "new version beside it, as schemas/README.md describes."
    )


def test_no_released_version_is_gone() -> None:
    gone = RELEASED.keys() - {_key(manifest) for manifest in MANIFESTS}
    assert gone == set(), "a released version stays for those who pin it: restore its folder under schemas/"


@pytest.mark.parametrize("manifest", MANIFESTS, ids=_key)
def test_manifest_says_where_it_lies(manifest: Path) -> None:
    content = _read(manifest)
    assert f"{content['model_id']}/{content['version']}" == _key(manifest)

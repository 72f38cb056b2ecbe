"""What is made once in a session of tests: contracts, their suites, and servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import haiku_contract as hc
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.pytest_plugin.cases import Suites
from haiku_contract.pytest_plugin.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.recording import RecordMode
    from haiku_contract.endpoint.reference.app import ReferenceEndpoint

    Made = TypeVar("Made")


class Kept:
    """Makes each thing when it is first asked for; `stop` ends the servers."""

    def __init__(self) -> None:
        self._contracts: dict[str, Contract] = {}
        self._begun: set[Path] = set()
        self._made: dict[tuple[str, int], tuple[Contract, Any]] = {}

    def contract(self, name: str) -> Contract:
        """The contract of that name.

        Raises:
            ContractLoadError: it cannot be loaded.
        """
        if name not in self._contracts:
            self._contracts[name] = hc.load(name)
        return self._contracts[name]

    def record_mode(self, cassette: Path, mode: RecordMode) -> RecordMode:
        """How a test records into a cassette: after another one has begun it in this session, that goes on."""
        if cassette in self._begun and mode != "none":
            return "new"
        if mode in ("new", "all") or not cassette.exists():
            self._begun.add(cassette)
        return mode

    def suites(self, contract: Contract) -> Suites:
        """The cases of a contract."""
        return self._once("suites", contract, Suites)

    def app(self, contract: Contract) -> ReferenceEndpoint:
        """The reference endpoint of a contract."""
        return self._once("app", contract, create_app)

    def server(self, contract: Contract, surface: str) -> Server:
        """The reference endpoint of a contract, on a port."""
        kind = "bare" if surface == "bare" else "server"
        return self._once(kind, contract, lambda _: Server(self.app(contract), surface))

    def ports(self) -> set[int]:
        """The ports of this machine at which servers run."""
        return {made.port for _, made in self._made.values() if isinstance(made, Server)}

    def broken_by_streams(self, contract: Contract) -> dict[str, str | None]:
        """What each stream of the suite breaks, by the id of its case."""
        return self._once("streams", contract, lambda _: self._broken(contract))

    def _broken(self, contract: Contract) -> dict[str, str | None]:
        return {case.id: case.constraint for case in self.suites(contract).selected({"side": "stream"})}

    def stop(self) -> None:
        """End the servers."""
        for _, made in self._made.values():
            if isinstance(made, Server):
                made.stop()
        self._made.clear()

    def _once(self, kind: str, contract: Contract, make: Callable[[Contract], Made]) -> Made:
        """What was made of a contract; the contract is kept too, so that its identity stays its own."""
        key = (kind, id(contract))
        if key not in self._made:
            self._made[key] = (contract, make(contract))
        made: Made = self._made[key][1]
        return made

"""What is made once in a session of tests: contracts, their suites, and servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import haiku_contract as hc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.recording import RecordMode
    from haiku_contract.endpoint.reference.app import ReferenceEndpoint
    from haiku_contract.pytest_plugin.cases import Suites
    from haiku_contract.pytest_plugin.server import Server

    Made = TypeVar("Made")


class Kept:
    """Makes each thing when it is first asked for; `stop` ends the servers."""

    def __init__(self) -> None:
        self._contracts: dict[str, Contract] = {}
        self._begun: set[Path] = set()
        self._servers: list[Server] = []
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
        from haiku_contract.pytest_plugin.cases import Suites  # noqa: PLC0415 - not before it is needed

        return self._once("suites", contract, Suites)

    def app(self, contract: Contract) -> ReferenceEndpoint:
        """The reference endpoint of a contract."""
        from haiku_contract.endpoint.reference.app import create_app  # noqa: PLC0415 - not before it is needed

        return self._once("app", contract, create_app)

    def server(self, contract: Contract, surface: str) -> Server:
        """The reference endpoint of a contract, on a port."""
        from haiku_contract.pytest_plugin.server import Server  # noqa: PLC0415 - not before it is needed

        def start(_: Contract) -> Server:
            self._servers.append(Server(self.app(contract), surface))
            return self._servers[-1]

        return self._once("bare" if surface == "bare" else "server", contract, start)

    def ports(self) -> set[int]:
        """The ports of this machine at which servers run."""
        return {one.port for one in self._servers}

    def stop(self) -> None:
        """End the servers."""
        for one in self._servers:
            one.stop()
        self._servers.clear()
        self._made.clear()

    def _once(self, kind: str, contract: Contract, make: Callable[[Contract], Made]) -> Made:
        """What was made of a contract; the contract is kept too, so that its identity stays its own."""
        key = (kind, id(contract))
        if key not in self._made:
            self._made[key] = (contract, make(contract))
        made: Made = self._made[key][1]
        return made

"""The clients of the server: what each has used, and the calls of it that run."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from ..budget import Spend
from .server_tools import Progress

RENEWED_AFTER = 1800.0
"""Seconds without a call after which a client over HTTP gets its budget anew."""
CLIENTS = 256
"""Clients over HTTP that are known at once; one more is refused until one of them has rested."""
_KEPT = 16  # answers of one client that are kept until they are asked for, beside those of calls that still run


@dataclass(slots=True)
class Running:
    """A call that goes on, whoever waits for it."""

    name: str
    task: asyncio.Task[Any]
    progress: Progress
    began: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Account:
    """The spend and the running calls of one client."""

    spent: Spend = field(default_factory=Spend)
    last: float = field(default_factory=time.monotonic)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One call at a time, so that each knows what the ones before it have left."""
    calls: int = 0
    """Calls that run or wait."""
    kept: OrderedDict[str, Running] = field(default_factory=OrderedDict)
    """Calls that took longer than a client waits, by handle."""

    def keep(self, running: Running) -> str:
        """Keep a call until its answer is asked for; returns its handle, which nobody can guess."""
        for handle, one in self.kept.items():
            if one is running:
                return handle
        done = [handle for handle, one in self.kept.items() if one.task.done()]
        for handle in done[: max(len(done) - _KEPT + 1, 0)]:
            del self.kept[handle]
        handle = secrets.token_hex(6)
        self.kept[handle] = running
        return handle


class Accounts:
    """The accounts by client."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    def of(self, context: Any) -> Account | None:
        """The account of the client that asks; None where there are too many already.

        Over HTTP it is that of the address, not of the session, which any client can open anew, or make up.
        """
        if context.request is None:  # standard input and output: one process, one client
            return self._accounts.setdefault("", Account())
        client = context.request.client
        key, now = _address(client.host if client else ""), time.monotonic()
        account = self._accounts.get(key)
        if account is None:
            if len(self._accounts) >= CLIENTS:
                idle = [k for k, one in self._accounts.items() if _is_idle(one, now)]
                if not idle:
                    return None
                del self._accounts[min(idle, key=lambda k: self._accounts[k].last)]
            account = self._accounts[key] = Account()
        elif _is_idle(account, now):
            account.spent = Spend()
            account.kept.clear()
        account.last = now
        return account


def _is_idle(account: Account, now: float) -> bool:
    return not account.calls and now - account.last > RENEWED_AFTER


def _address(host: str) -> str:
    """Name of a client: its IPv4 address, or its network of 64 bits of IPv6, which one machine has whole."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 6 and address.ipv4_mapped is None and not address.is_loopback:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)

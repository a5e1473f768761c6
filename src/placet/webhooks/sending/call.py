"""One call to an endpoint, to an address that was judged before anything was sent."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address
from typing import Final
from uuid import UUID

import httpx

from placet import __version__
from placet.webhooks.deliveries.model import Outcome, SendFault
from placet.webhooks.deliveries.rules import outcome_of
from placet.webhooks.endpoints.model import WebhookUrlRefused
from placet.webhooks.endpoints.rules import Address, Target, check_url, may_call
from placet.webhooks.sending.resolve import Resolve

SECONDS_MAX: Final = 5.0
ANSWER_BYTES_MAX: Final = 64 * 1024


class Caller:
    """Calls endpoints, and tells what came of it; never raises for what a receiver does."""

    def __init__(
        self,
        resolve: Resolve,
        *,
        to_loopback: bool = False,
        tls: ssl.SSLContext | None = None,
        seconds_max: float = SECONDS_MAX,
    ) -> None:
        """Look names up with `resolve` and trust `tls`, by default the usual authorities."""
        self._resolve = resolve
        self._to_loopback = to_loopback
        self._tls = tls or httpx.create_ssl_context()
        self._seconds_max = seconds_max

    async def call(
        self, url: str, headers: Mapping[str, str], body: bytes, asker: UUID | None = None
    ) -> Outcome:
        """Post a JSON body to an endpoint of the tenant `asker`, in five seconds at most.

        Raises `LookUpsFull` if its name could not be looked up for want of room: nothing was tried.
        """
        try:
            target = check_url(url, to_loopback=self._to_loopback)
        except WebhookUrlRefused:  # the setting that let it in is no longer there
            return Outcome(fault=SendFault.ADDRESS_NOT_PUBLIC)
        deadline = asyncio.get_running_loop().time() + self._seconds_max
        transport = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, retries=0)
        async with contextlib.aclosing(transport):
            try:
                async with asyncio.timeout_at(deadline):
                    addresses = await self._resolve(target.host, asker)
                    if refused := self._judge(addresses):
                        return Outcome(fault=refused)
                    requests = [self._request(target, each, headers, body) for each in addresses]
                    answer = await _first_reached(transport, requests)
            except TimeoutError:
                return Outcome(fault=SendFault.TIMEOUT)
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as fault:
                return Outcome(fault=_fault_of(fault))
            # The status decides. The rest is read only so that the receiver can finish.
            with contextlib.suppress(TimeoutError, httpx.HTTPError, OSError):
                async with asyncio.timeout_at(deadline):
                    await _read_some(answer)
        return outcome_of(answer.status_code)

    def _judge(self, addresses: list[Address]) -> SendFault | None:
        """Return why none of the addresses of a name may be called, or None.

        One that may not be called rules the others out: which of them is meant is anybody's guess.
        """
        if not addresses:
            return SendFault.NAME_UNKNOWN
        if all(may_call(address, to_loopback=self._to_loopback) for address in addresses):
            return None
        return SendFault.ADDRESS_NOT_PUBLIC

    def _request(
        self, target: Target, address: Address, headers: Mapping[str, str], body: bytes
    ) -> httpx.Request:
        """Return the request to that one address, under the name that the endpoint was given by."""
        place = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
        return httpx.Request(
            "POST",
            f"{target.scheme}://{place}:{target.port}{target.path}",
            headers={
                **headers,
                "host": _authority(target),
                "content-type": "application/json",
                "user-agent": f"placet/{__version__}",
                "accept-encoding": "identity",
                "connection": "close",
            },
            content=body,
            # The certificate must be that of the name, not of the address.
            extensions={"sni_hostname": target.host, "timeout": _no_more_than(self._seconds_max)},
        )


async def _first_reached(
    transport: httpx.AsyncHTTPTransport, requests: Sequence[httpx.Request]
) -> httpx.Response:
    """Return the answer of the first address that takes a connection."""
    for request in requests[:-1]:
        with contextlib.suppress(httpx.ConnectError):  # nothing was sent there
            return await transport.handle_async_request(request)
    return await transport.handle_async_request(requests[-1])


async def _read_some(answer: httpx.Response) -> None:
    """Read an answer to its end, so that its sender can finish, or up to 64 KiB. Keep nothing."""
    read = 0
    assert isinstance(answer.stream, httpx.AsyncByteStream)  # noqa: S101 -- narrows the type
    async with contextlib.aclosing(answer.stream) as stream:
        async for part in stream:
            read += len(part)
            if read >= ANSWER_BYTES_MAX:
                return


def _authority(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    default = 80 if target.scheme == "http" else 443
    return host if target.port == default else f"{host}:{target.port}"


def _no_more_than(seconds: float) -> dict[str, float]:
    return dict.fromkeys(("connect", "read", "write", "pool"), seconds)


def _fault_of(fault: Exception) -> SendFault:
    if isinstance(fault, httpx.TimeoutException):
        return SendFault.TIMEOUT
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return SendFault.TLS
        cause = cause.__cause__ or cause.__context__
    is_refused = isinstance(fault, httpx.ConnectError)
    return SendFault.NOT_CONNECTED if is_refused else SendFault.PROTOCOL

"""Which addresses may be called: by their text when one is named, by their bytes before a call."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from placet.kernel.value import Value
from placet.webhooks.endpoints.model import UrlFlaw, UrlReason, WebhookUrlRefused

Address = IPv4Address | IPv6Address

PORT_DEFAULT: Final = 443
PORT_FREE_FROM: Final = 1024
_HTTP_PORT: Final = 80
_PORT_MAX: Final = 65_535
_HOST_MAX: Final = 253

# Source: the IANA registries of special-purpose addresses, and of multicast.
_NOT_PUBLIC_4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_6: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_6: Final = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20")
)
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")


class Target(Value, frozen=True):
    """What is called: the parts of an address. `host` has no brackets."""

    scheme: str
    host: str
    port: int
    path: str


def is_public(address: Address) -> bool:
    """Tell whether everybody on the internet means the same machine by an address.

    An IPv6 address that carries an IPv4 address (mapped, NAT64, 6to4) is judged by that one.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    carried = _carried(address)
    if carried is not None:
        return is_public(carried)
    return address in _GLOBAL_6 and not any(address in network for network in _NOT_PUBLIC_6)


def may_call(address: Address, *, to_loopback: bool) -> bool:
    """Tell whether an address may be called; `to_loopback` lets 127.0.0.0/8 and ::1 pass too."""
    if to_loopback and not (isinstance(address, IPv6Address) and _carried(address)):
        return address.is_loopback or is_public(address)
    return is_public(address)


def check_url(url: str, *, to_loopback: bool) -> Target:
    """Return the parts of an address. Refuses `webhook_url_refused` with every reason.

    A name is not looked up here: what it stands for is judged at each call. `to_loopback` lets
    `http` and any port pass, for addresses of this machine written as numbers.
    """
    parts, port = _split(url)
    if parts is None:
        raise _refused([_reason(UrlFlaw.NOT_A_URL, "it cannot be read as a URL")])
    host = parts.hostname or ""
    literal = _literal(host)
    is_here = to_loopback and literal is not None and literal.is_loopback
    reasons = [*_check_form(parts, host), *_check_way(parts.scheme, port, is_here=is_here)]
    if literal is not None and not may_call(literal, to_loopback=to_loopback):
        reasons.append(_reason(UrlFlaw.ADDRESS, f"`{host}` is no public address"))
    if reasons:
        raise _refused(reasons)
    path = parts.path or "/"
    default = _HTTP_PORT if parts.scheme == "http" else PORT_DEFAULT
    return Target(
        scheme=parts.scheme,
        host=host,
        port=default if port is None else port,
        path=f"{path}?{parts.query}" if parts.query else path,
    )


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address in _MAPPED or address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)
    return None


def _split(url: str) -> tuple[SplitResult | None, int | None]:
    # What urlsplit would drop or mend in silence is refused: others read it in another way.
    if not url.isascii() or any(char <= " " or char in '\\"<>^`{|}\x7f' for char in url):
        return None, None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None, None
    return (parts, port) if parts.netloc else (None, None)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _check_form(parts: SplitResult, host: str) -> list[UrlReason]:
    reasons = []
    if "@" in parts.netloc:
        reasons.append(_reason(UrlFlaw.USER, "it holds a user name or a password"))
    if parts.fragment:
        reasons.append(_reason(UrlFlaw.FRAGMENT, "it holds a fragment, which is never sent"))
    is_odd = "[" in parts.netloc and not isinstance(_literal(host), IPv6Address)
    if not host or len(host) > _HOST_MAX or "%" in host or is_odd:
        reasons.append(_reason(UrlFlaw.HOST, "it names no host"))
    return reasons


def _check_way(scheme: str, port: int | None, *, is_here: bool) -> list[UrlReason]:
    if is_here:
        allowed = scheme in {"http", "https"}
        return [] if allowed else [_reason(UrlFlaw.SCHEME, f"`{scheme}` is neither of http(s)")]
    reasons = []
    if scheme != "https":
        reasons.append(_reason(UrlFlaw.SCHEME, f"`{scheme}` is not `https`"))
    if port is not None and port != PORT_DEFAULT and not PORT_FREE_FROM <= port <= _PORT_MAX:
        reasons.append(_reason(UrlFlaw.PORT, f"port {port} belongs to another service"))
    return reasons


def _reason(code: UrlFlaw, detail: str) -> UrlReason:
    return UrlReason(code=code, detail=detail)


def _refused(reasons: list[UrlReason]) -> WebhookUrlRefused:
    return WebhookUrlRefused(detail="; ".join(reason.detail for reason in reasons), reasons=reasons)

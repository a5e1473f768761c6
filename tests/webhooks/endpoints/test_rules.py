"""Which addresses may be called."""

from ipaddress import ip_address

import pytest

from placet.webhooks.endpoints.model import UrlFlaw, WebhookUrlRefused
from placet.webhooks.endpoints.rules import Target, check_url, is_public, may_call

PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2a00::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
)
NOT_PUBLIC = (
    "0.0.0.0",  # noqa: S104 -- to be refused
    "0.255.255.255",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2002:c0a8:101::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "4000::1",
)
WEB = "https:/" + "/"
GOOD_URLS = (
    ("https://example.com", Target(scheme="https", host="example.com", port=443, path="/")),
    (
        WEB + "Example.com:8443/a/b?c=d&e=f",
        Target(scheme="https", host="example.com", port=8443, path="/a/b?c=d&e=f"),
    ),
    (WEB + "8.8.8.8/x", Target(scheme="https", host="8.8.8.8", port=443, path="/x")),
    ("https://[2a00::1]:443/", Target(scheme="https", host="2a00::1", port=443, path="/")),
    (WEB + "127.1/", Target(scheme="https", host="127.1", port=443, path="/")),
)
BAD_URLS = (
    ("http://example.com/", UrlFlaw.SCHEME),
    ("ftp://example.com/", UrlFlaw.SCHEME),
    ("file:///etc/passwd", UrlFlaw.NOT_A_URL),
    ("javascript:alert(1)", UrlFlaw.NOT_A_URL),
    ("//example.com/", UrlFlaw.SCHEME),
    ("example.com", UrlFlaw.NOT_A_URL),
    ("https://", UrlFlaw.NOT_A_URL),
    ("https:///path", UrlFlaw.NOT_A_URL),
    ("https://:443/", UrlFlaw.HOST),
    ("https:" + "//[v1.x]/", UrlFlaw.HOST),
    (WEB + "user@example.com/", UrlFlaw.USER),
    (WEB + "user:pass@example.com/", UrlFlaw.USER),
    (WEB + "@example.com/", UrlFlaw.USER),
    ("https://example.com/#part", UrlFlaw.FRAGMENT),
    ("https://example.com:22/", UrlFlaw.PORT),
    ("https://example.com:0/", UrlFlaw.PORT),
    ("https://example.com:80/", UrlFlaw.PORT),
    ("https://example.com:65536/", UrlFlaw.NOT_A_URL),
    ("https://example.com:x/", UrlFlaw.NOT_A_URL),
    ("https://exa mple.com/", UrlFlaw.NOT_A_URL),
    ("https://example.com/\r\nx: y", UrlFlaw.NOT_A_URL),
    (WEB + "example.com\t/", UrlFlaw.NOT_A_URL),
    (WEB + "exämple.com/", UrlFlaw.NOT_A_URL),
    (WEB + "example.com\\@127.0.0.1/", UrlFlaw.NOT_A_URL),
    ("https://[::1/", UrlFlaw.NOT_A_URL),
    ("https://[fe80::1%25eth0]/", UrlFlaw.HOST),
    ("https://127.0.0.1/", UrlFlaw.ADDRESS),
    (WEB + "10.0.0.1/", UrlFlaw.ADDRESS),
    (WEB + "169.254.169.254/latest", UrlFlaw.ADDRESS),
    ("https://[::1]/", UrlFlaw.ADDRESS),
    ("https://[::ffff:127.0.0.1]/", UrlFlaw.ADDRESS),
    ("https://" + "a" * 254 + "/", UrlFlaw.HOST),
)


@pytest.mark.parametrize("text", PUBLIC)
def test_an_address_that_everybody_means_alike_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_an_address_of_a_machine_a_network_or_nobody_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", [text for text in NOT_PUBLIC if text not in {"127.0.0.1", "::1"}])
def test_the_setting_for_tests_lets_this_machine_pass_and_nothing_else(text: str) -> None:
    address = ip_address(text)
    is_here = address.version == 4 and address.is_loopback
    assert may_call(address, to_loopback=True) == is_here
    assert may_call(ip_address("127.0.0.1"), to_loopback=True)
    assert may_call(ip_address("::1"), to_loopback=True)


@pytest.mark.parametrize(("url", "target"), GOOD_URLS)
def test_an_address_on_the_web_is_taken_apart(url: str, target: Target) -> None:
    assert check_url(url, to_loopback=False) == target


@pytest.mark.parametrize(("url", "flaw"), BAD_URLS)
def test_what_may_never_be_called_is_refused_with_its_reason(url: str, flaw: UrlFlaw) -> None:
    with pytest.raises(WebhookUrlRefused) as refused:
        check_url(url, to_loopback=False)
    assert flaw in {reason.code for reason in refused.value.reasons}


def test_every_reason_is_told_at_once() -> None:
    with pytest.raises(WebhookUrlRefused) as refused:
        check_url("http:/" + "/me@10.0.0.1:25/#x", to_loopback=True)
    assert {reason.code for reason in refused.value.reasons} == {
        UrlFlaw.USER,
        UrlFlaw.FRAGMENT,
        UrlFlaw.SCHEME,
        UrlFlaw.PORT,
        UrlFlaw.ADDRESS,
    }


def test_this_machine_may_be_named_by_number_where_the_setting_says_so() -> None:
    found = check_url("http://127.0.0.1:8080/x", to_loopback=True)
    assert found == Target(scheme="http", host="127.0.0.1", port=8080, path="/x")
    with pytest.raises(WebhookUrlRefused):
        check_url("http://localhost:8080/x", to_loopback=True)
    with pytest.raises(WebhookUrlRefused):
        check_url("http://127.0.0.1:8080/x", to_loopback=False)

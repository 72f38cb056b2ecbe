"""Formats as assertions (Validation section 7.3): texts at their edges, and texts that are not of them.

Only such texts stand here as both engines judge alike: a leap second, a dot before the `@` or a hostname with a dot at
its end is read differently, and proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract.generate.plausible import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator


class Format(NamedTuple):
    """What is known of a format.

    Attributes:
        edges: texts that just about are of it, by label.
        broken: texts that nearly are, by label.
        around: what stands before and after a run of `filler` of any length; None where texts of it cannot be longer.
        filler: the character of the run.
    """

    edges: tuple[tuple[str, str], ...]
    broken: tuple[tuple[str, str], ...]
    around: tuple[str, str] | None = None
    filler: str = "a"


_LABEL: Final = "a" * 63

TABLE: Final[dict[str, Format]] = {
    "date-time": Format(
        (
            *(("leap-day", "2024-02-29T00:00:00Z"), ("small-letters", "2026-01-31t12:00:00z")),
            *(("last", "9999-12-31T23:59:59.999999999Z"), ("offset", "2026-01-31T12:00:00-23:59")),
        ),
        (
            *(("date-only", "2026-01-31"), ("no-offset", "2026-01-31T12:00:00"), ("no-seconds", "2026-01-31T12:00Z")),
            *(("blank", "2026-01-31 12:00:00Z"), ("basic", "20260131T120000Z"), ("hour", "2026-01-31T24:00:00Z")),
            *(("no-such-day", "2026-02-30T12:00:00Z"), ("no-leap-year", "2023-02-29T00:00:00Z")),
        ),
        ("2026-01-31T12:00:00.", "Z"),
        "0",
    ),
    "date": Format(
        (("leap-day", "2024-02-29"), ("first", "0001-01-01"), ("last", "9999-12-31")),
        (
            *(("no-leap-year", "2023-02-29"), ("month", "2026-13-01"), ("day", "2026-01-32"), ("short", "2026-1-31")),
            *(("basic", "20260131"), ("week", "2026-W05-6"), ("with-time", "2026-01-31T00:00:00Z")),
        ),
    ),
    "time": Format(
        (("first", "00:00:00Z"), ("last", "23:59:59+01:00"), ("fraction", "12:00:00.123456Z"), ("small", "12:00:00z")),
        (
            *(("no-offset", "12:00:00"), ("no-seconds", "12:00Z"), ("hour", "24:00:00Z"), ("minute", "12:60:00Z")),
            *(("basic", "120000Z"), ("offset", "12:00:00+0100"), ("empty-fraction", "12:00:00.Z")),
        ),
        ("12:00:00.", "Z"),
        "0",
    ),
    "duration": Format(
        (("zero", "PT0S"), ("no-days", "P0D"), ("weeks", "P4W"), ("every-unit", "P1Y2M3DT4H5M6S")),
        (
            *(("nothing", "P"), ("no-time", "PT"), ("no-p", "1D"), ("no-t", "P1D2H"), ("day-as-time", "PT1D")),
            *(("weeks-and-days", "P1W2D"), ("small", "p1d")),
        ),
        ("P1", "D"),
        "0",
    ),
    "email": Format(
        (
            *(("short", "a@b.c"), ("tag", "a.b+c@example.com"), ("quoted", '"a b"@example.com')),
            *(("literal", "a@[127.0.0.1]"), ("longest-name", "a" * 64 + "@b.co")),
        ),
        (("no-at", "ada"), ("blank", "ada example.com")),
        ("a@", ".com"),
    ),
    "idn-email": Format(
        (("non-ascii", "é@example.com"), ("non-ascii-domain", "드@例え.jp")),
        (("no-at", "ada"), ("blank", "ada example.com")),
        ("a@", ".com"),
    ),
    "hostname": Format(
        (
            *(("one-label", "a"), ("digit-first", "1.example"), ("longest-label", _LABEL)),
            *(("punycode", "xn--bcher-kva.example"), ("longest", f"{_LABEL}.{_LABEL}.{_LABEL}.{'a' * 61}")),
        ),
        (
            *(("empty", ""), ("dash-first", "-a.com"), ("dash-last", "a-.com"), ("empty-label", "a..b")),
            *(("underscore", "a_b.com"), ("blank", "exa mple.com"), ("long-label", "a" * 64 + ".com")),
        ),
        ("", ".com"),
    ),
    "idn-hostname": Format(
        (("non-ascii", "bücher.example"), ("other-script", "例え.jp"), ("one-label", "a")),
        (("dash-first", "-a.com"), ("empty-label", "a..b"), ("blank", "exa mple"), ("tone-mark", "〮한국")),
        ("", ".com"),
    ),
    "ipv4": Format(
        (("lowest", "0.0.0.0"), ("highest", "255.255.255.255")),  # noqa: S104 - a text, and nothing is bound
        (
            *(
                ("above", "256.0.0.1"),
                ("three-parts", "1.2.3"),
                ("five-parts", "1.2.3.4.5"),
                ("zero-first", "01.2.3.4"),
            ),
            *(("blank", "1.2.3.4 "), ("letter", "1.2.3.a"), ("ipv6", "::1")),
        ),
    ),
    "ipv6": Format(
        (
            *(("shortest", "::"), ("loopback", "::1"), ("mapped", "::ffff:192.0.2.1"), ("full", "1:2:3:4:5:6:7:8")),
            ("highest", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ),
        (
            *(
                ("five-digits", "12345::"),
                ("two-gaps", "1::2::3"),
                ("seven-parts", "1:2:3:4:5:6:7"),
                ("ipv4", "192.0.2.1"),
            ),
            *(("nine-parts", "1:2:3:4:5:6:7:8:9"), ("zone", "fe80::1%eth0"), ("brackets", "[::1]"), ("letter", "g::1")),
        ),
    ),
    "uri": Format(
        (
            *(("shortest", "a:"), ("mailto", "mailto:ada@example.com"), ("ipv6", "http://[::1]:8080/")),
            *(("every-part", "https://ada@example.com:443/%C3%A9?b#c"), ("file", "file:///a")),
        ),
        (
            *(
                ("relative", "/a"),
                ("no-scheme", "://a"),
                ("blank", "http://exa mple.com"),
                ("percent", "http://a.com/%zz"),
            ),
            *(("non-ascii", "http://example.com/é"), ("open-bracket", "http://[::1"), ("backslashes", "\\\\a\\b")),
            *(("scheme", "1a:b"), ("empty", "")),
        ),
        ("https://example.com/", ""),
    ),
    "uri-reference": Format(
        (("empty", ""), ("name", "a"), ("up", "../a"), ("query", "?q"), ("network", "//example.com/a")),
        (("blank", "/a b"), ("percent", "%zz"), ("non-ascii", "/é"), ("backslashes", "\\\\a"), ("fragments", "#a#b")),
        ("/", ""),
    ),
    "iri": Format(
        (("shortest", "a:"), ("host", "https://例え.jp/"), ("urn", "urn:é")),
        (("relative", "/é"), ("blank", "http://exa mple"), ("backslashes", "\\\\a"), ("open-bracket", "http://[::1")),
        ("https://example.com/", ""),
    ),
    "iri-reference": Format(
        (("empty", ""), ("name", "a"), ("fragment", "#é"), ("host", "https://例え.jp/")),
        (("blank", "/a b"), ("backslashes", "\\\\a"), ("fragments", "#a#b"), ("percent", "%zz")),
        ("/", ""),
    ),
    "uuid": Format(
        (("nil", "00000000-0000-0000-0000-000000000000"), ("max", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF")),
        (
            *(("no-dashes", "123e4567e89b12d3a456426614174000"), ("short", "123e4567-e89b-12d3-a456-42661417400")),
            *(("braces", "{123e4567-e89b-12d3-a456-426614174000}"), ("letter", "g23e4567-e89b-12d3-a456-426614174000")),
            ("moved-dash", "123e45-67e89b-12d3-a456-426614174000"),
        ),
    ),
    "uri-template": Format(
        (("empty", ""), ("variable", "{b}"), ("query", "{?q,r}"), ("explode", "/{+a}/{b*}"), ("prefix", "{a:3}")),
        (("open", "{a"), ("close", "a}"), ("no-name", "{}"), ("blank", "{a b}"), ("nested", "{{a}}")),
        ("/", "/{b}"),
    ),
    "json-pointer": Format(
        (("whole", ""), ("empty-token", "/"), ("escapes", "/a~0b~1c"), ("non-ascii", "/é")),
        (("no-slash", "a"), ("digit", "0"), ("tilde", "/~"), ("escape", "/~2"), ("fragment", "#/a")),
        ("/", ""),
    ),
    "relative-json-pointer": Format(
        (("here", "0"), ("ten", "10"), ("key", "0#"), ("empty-token", "2/")),
        (("empty", ""), ("zero-first", "01"), ("negative", "-1"), ("plus", "+1"), ("no-number", "/a"), ("two", "0##")),
        ("1/", ""),
    ),
    "regex": Format(
        (("empty", ""), ("class", "[a-z]{2,3}"), ("group", "(a|b)*"), ("escape", "\\d")),
        (("group", "("), ("class", "["), ("close", "a)"), ("range", "[z-a]"), ("repeat", "*"), ("escape", "\\")),
        ("^", "$"),
    ),
}
"""Every format of draft 2020-12."""


def of_length(name: str, least: int, most: float) -> Iterator[str]:
    """Texts of a format between two lengths, as far as they can be made: known ones, then of exactly these lengths."""
    known = TABLE.get(name)
    if known is None:
        return
    for text in dict.fromkeys((*FORMATS.get(name, ()), *(text for _, text in known.edges))):
        if least <= len(text) <= most:
            yield text
    if known.around is not None:
        before, after = known.around
        for length in (least, most):
            if len(before) + len(after) < length < float("inf"):
                yield before + known.filler * (int(length) - len(before) - len(after)) + after

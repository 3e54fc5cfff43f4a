"""Writes customers.csv: invented customers with the mess of real exports. Same count and seed, same bytes."""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

from people_of_indonesia import CITIES, OVERSEAS, REGIONS, SHARES

Row = dict[str, str]

# The Friday that the demo begins on.
TODAY = date(2026, 11, 20)
HNWI = 500_000_000
HOURS = "daily 08:00-22:00"
CHANNELS = ("push", "whatsapp", "email", "popup")
CONSENTS = tuple(name for channel in CHANNELS for name in (f"consent_{channel}", f"consent_hours_{channel}"))
HEADER = (
    *("customer_no", "nama", "email", "hp", "push_tokens", "locale", "timezone", "nilai_portofolio", "trades_last_month"),
    *("last_trade_on", "tanggal_lahir", "contact_hours", *CONSENTS, "kota"),
)
MONTHS = ["Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November", "Desember"]
ZONES_ABROAD = ("Asia/Singapore", "Asia/Singapore", "Australia/Sydney", "America/New_York", "Europe/London", "Asia/Tokyo")


def consents(**answers: str) -> Row:
    """yes with hours for every channel, but for those named."""
    row = {f"consent_{channel}": answers.get(channel, "ya") for channel in CHANNELS}
    return row | {f"consent_hours_{channel}": HOURS if row[f"consent_{channel}"] == "ya" else "" for channel in CHANNELS}


def famous() -> list[Row]:
    """The three customers that the documentation speaks of."""
    wealthy = Row(
        nama="Ratna Kusumawardhani", nilai_portofolio="2750000000", trades_last_month="6", last_trade_on="2026-11-12", **consents()
    )
    trader = Row(nama="Bagus Pratama", nilai_portofolio="85000000", trades_last_month="34", last_trade_on="2026-11-19", **consents())
    silent = Row(
        nama="Sekar Rahayu",
        nilai_portofolio="42000000",
        trades_last_month="3",
        last_trade_on="2026-11-05",
        **consents(whatsapp=""),
    )
    birthdays = ("1971-04-17", "1994-08-09", "1989-02-28")
    common = [
        Row(customer_no=number(n), email=mail(n), hp=mobile(n), push_tokens=devices(n, 2), locale="id", timezone="WIB", kota="Jakarta")
        for n in (1, 2, 3)
    ]
    return [
        base | own | {"tanggal_lahir": birthday} for base, own, birthday in zip(common, (wealthy, trader, silent), birthdays, strict=True)
    ]


def number(n: int) -> str:
    return f"C{n:06d}"


def mobile(n: int) -> str:
    return f"0812{n:08d}"


def mail(n: int) -> str:
    return f"{number(n).lower()}@example.{('com', 'net', 'org')[n % 3]}"


def devices(n: int, count: int) -> str:
    kinds = ("android:token", "ios:fid", "android:fid")
    return "|".join(f"{kinds[(n + place) % 3]}:demo-{number(n).lower()}-{place}" for place in range(1, count + 1))


def customer(rng: random.Random, n: int) -> Row:
    """One person, everything spelled as it should be."""
    abroad = rng.random() < 0.05
    zone = rng.choice(ZONES_ABROAD) if abroad else rng.choices(("", "WIB", "WITA", "WIT"), (60, 27, 9, 4))[0]
    given, family = OVERSEAS if abroad else rng.choices(REGIONS, SHARES)[0]
    row = Row(
        customer_no=number(n),
        nama=f"{rng.choice(given)} {rng.choice(family)}",
        email="" if rng.random() < 0.06 else mail(n),
        hp="" if rng.random() < 0.05 else mobile(n),
        push_tokens=devices(n, rng.choices((0, 1, 2, 3), (12, 55, 25, 8))[0]),
        locale="en" if abroad else rng.choice(("id", "id", "")),
        timezone=zone,
        tanggal_lahir=birthday(rng).isoformat(),
        contact_hours=rng.choice(("Mon-Fri 06:00-11:00", "pagi hari kerja")) if rng.random() < 0.03 else "",
        kota="" if abroad else rng.choice(CITIES.get(zone, CITIES[""])),
    )
    if rng.random() < 0.04:
        row |= {"hp": "", "push_tokens": "", "email": mail(n)}
    if zone not in ("", "WIB"):
        row["push_tokens"] = ""  # who lives by other clocks has not allowed pushes, so the evening's first is at 19:00 in Jakarta
    return row | money(rng) | answers(rng)


def birthday(rng: random.Random) -> date:
    year = rng.randrange(1950, 2007)
    draw = rng.random()
    if draw < 0.02:
        return date(year, 11, rng.choice((20, 21, 22)))
    if draw < 0.023:
        return date(year - year % 4, 2, 29)
    return date(year, 1, 1) + timedelta(days=rng.randrange(365))


def money(rng: random.Random) -> Row:
    """About 6 % HNWI, 20 % dormant, 15 % traders."""
    wealthy = rng.random() < 0.06
    value = rng.choice((HNWI, rng.randrange(HNWI, 25_000_000_000, 500_000))) if wealthy else int(rng.lognormvariate(17, 1.4))
    if not wealthy:
        value = min(value, HNWI - 1)
    draw = rng.random()
    if draw < 0.20:
        trades, days = 0, rng.randrange(181, 1500)
    elif draw < 0.35:
        trades, days = rng.randrange(20, 120), rng.randrange(1, 8)
    else:
        trades, days = rng.randrange(0, 20), rng.randrange(1, 150)
    never = draw > 0.97
    last = "" if never else (TODAY - timedelta(days=days)).isoformat()
    return Row(nilai_portofolio=str(value), trades_last_month="0" if never else str(trades), last_trade_on=last)


def answers(rng: random.Random) -> Row:
    row: Row = {}
    for channel, willing in zip(CHANNELS, (0.92, 0.80, 0.85, 0.95), strict=True):
        draw = rng.random()
        yes = draw < willing
        row[f"consent_{channel}"] = "ya" if yes else rng.choice(("tidak", ""))
        row[f"consent_hours_{channel}"] = HOURS if yes and rng.random() < 0.85 else ""
    return row


def spell_phone(rng: random.Random, text: str) -> str:
    spellings: tuple[Callable[[str], str], ...] = (
        lambda t: t,
        lambda t: f"{t[:4]}-{t[4:8]}-{t[8:]}",
        lambda t: f"+62 {t[1:4]}-{t[4:8]}-{t[8:]}",
        lambda t: f"62{t[1:]}",
        lambda t: t[1:],
        lambda t: f" {t[:4]} {t[4:8]} {t[8:]} ",
        lambda t: f"(0812) {t[4:8]}.{t[8:]}",
    )
    return rng.choices(spellings, (40, 12, 16, 12, 8, 8, 4))[0](text) if text else text


def spell_date(rng: random.Random, text: str) -> str:
    if not text:
        return rng.choice(("", "-"))
    day = date.fromisoformat(text)
    spellings = [text, f"{day:%d/%m/%Y}", f"{day:%d-%m-%Y}", f"{day.day} {MONTHS[day.month - 1]} {day.year}", f"{text} 00:00:00"]
    if day.day > 12:
        spellings.append(f"{day:%m/%d/%Y}")
    return rng.choice(spellings)


def spell_amount(rng: random.Random, text: str) -> str:
    dotted = f"{int(text):,}".replace(",", ".")
    spellings = [text, text, f"Rp{dotted}", f"Rp {dotted},00", f"{dotted},00", f"{int(text):,}.00", f"Rp{dotted},-"]
    if int(text) % 1_000_000 == 0:
        spellings.append(f"{int(text) // 1_000_000} juta")
    return rng.choice(spellings)


def spell_name(rng: random.Random, text: str) -> str:
    if not text.isascii() and rng.random() < 0.5:
        # A capital Ã with its second byte in a gap of cp1252 stays as it was.
        text = text.encode().decode("cp1252", "replace") if "�" not in text.encode().decode("cp1252", "replace") else text
    draw = rng.random()
    return f"  {text} " if draw < 0.05 else text.replace(" ", "   ") if draw < 0.1 else text.upper() if draw < 0.14 else text


def messy(rng: random.Random, row: Row) -> Row:
    """The same person as an export of the back office would have it."""
    yes, no = ("ya", "Ya", "yes", "TRUE", "1"), ("tidak", "Tidak", "no", "FALSE", "0")
    own = {name: rng.choice(yes if row[name] == "ya" else no) for name in CONSENTS if row[name] in ("ya", "tidak")}
    return (
        row
        | own
        | {
            "nama": spell_name(rng, row["nama"]),
            "hp": spell_phone(rng, row["hp"]),
            "email": row["email"].upper() if rng.random() < 0.03 else row["email"],
            "nilai_portofolio": spell_amount(rng, row["nilai_portofolio"]),
            "last_trade_on": spell_date(rng, row["last_trade_on"]),
            "tanggal_lahir": spell_date(rng, row["tanggal_lahir"]),
            "locale": {"id": rng.choice(("id", "ID", "id-ID", "Indonesia")), "en": rng.choice(("en", "EN"))}.get(row["locale"], ""),
        }
    )


# What an import has to refuse.
WRONG: tuple[Row, ...] = (
    Row(hp="0812-34"),
    Row(hp="6.28123E+11"),
    Row(email="nasabah@@example.com"),
    Row(tanggal_lahir="31/02/1990"),
    Row(tanggal_lahir="2031-05-17"),
    Row(nilai_portofolio="lihat lampiran"),
    Row(nama=""),
    Row(timezone="Asia/Jakrta"),
)


def rows(rng: random.Random, count: int) -> Iterator[Row]:
    """About 1 % wrong, 0.6 % repeated, 0.3 % with two versions; the three famous ones are clean and first."""
    yield from famous()[:count]
    for n in range(4, count + 1):
        row = messy(rng, customer(rng, n))
        draw = rng.random()
        yield row | rng.choice(WRONG) if draw < 0.01 else row
        if 0.01 <= draw < 0.016:
            yield row
        elif 0.016 <= draw < 0.019:
            yield row | {"nama": "Nama Lain"}


def generate(path: Path, count: int, seed: int) -> None:
    """Write `count` customers to `path`."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADER, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows(rng, count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("customers.csv"))
    options = parser.parse_args()
    generate(options.output, options.count, options.seed)


if __name__ == "__main__":
    main()

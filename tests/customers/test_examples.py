"""The customers of the examples: reproducible, messy, and in the shares that the campaigns count on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from store.engine import Database
from tests.customers.files import load, rows

EXAMPLES = Path(__file__).parents[2] / "examples"


def _generate(output: Path, *options: str) -> Path:
    subprocess.run([sys.executable, str(EXAMPLES / "generate_customers.py"), "--output", str(output), *options], check=True)
    return output


def test_the_example_file_is_what_the_generator_writes(tmp_path: Path) -> None:
    made = _generate(tmp_path / "customers.csv", "--count", "5000", "--seed", "2026")
    assert made.read_bytes() == (EXAMPLES / "customers.csv").read_bytes()


async def test_the_examples_load_with_few_rejects_and_sensible_shares(database: Database, tmp_path: Path) -> None:
    copy = tmp_path / "customers.csv"
    copy.write_bytes((EXAMPLES / "customers.csv").read_bytes())
    report = await load(database, copy)
    assert report.rows == report.inserted + report.rejected + report.duplicates
    assert 30 < report.rejected < 120
    assert 10 < report.duplicates < 60
    [shares] = await rows(
        database,
        """
        SELECT avg((portfolio_value >= 500000000)::int), avg((trades_last_month >= 20)::int), avg((locale = 'en')::int),
               avg((last_trade_on < DATE '2026-11-20' - 180)::int), avg((contact_hours IS NOT NULL)::int)
        FROM people
        """,
    )
    expected = (0.06, 0.15, 0.05, 0.20, 0.03)
    assert all(abs(float(share) - wanted) < 0.02 for share, wanted in zip(shares, expected, strict=True)), shares
    assert await rows(database, "SELECT count(*) > 20 FROM people WHERE to_char(birthday, 'MMDD') IN ('1120', '1121', '1122')") == [(True,)]
    assert await rows(database, "SELECT count(*) > 3 FROM people WHERE to_char(birthday, 'MMDD') = '0229'") == [(True,)]
    assert await rows(database, "SELECT count(*) FROM people WHERE name ~ 'Ã|  '") == [(0,)]


async def test_the_three_customers_of_the_documentation_are_who_it_says(database: Database, tmp_path: Path) -> None:
    await load(database, _generate(tmp_path / "three.csv", "--count", "3"))
    found = await rows(
        database,
        "SELECT customer_no, portfolio_value >= 500000000, trades_last_month >= 20, timezone, consents ? 'whatsapp',"
        " (SELECT count(DISTINCT sort) FROM addresses WHERE person_id = people.id) FROM people ORDER BY 1",
    )
    assert found == [
        ("C000001", True, False, "Asia/Jakarta", True, 3),
        ("C000002", False, True, "Asia/Jakarta", True, 3),
        ("C000003", False, False, "Asia/Jakarta", False, 3),
    ]

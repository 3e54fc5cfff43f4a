"""A push that is too long is told where it is written: at once by `check`, for the longest names of its audience by `approve`."""

from __future__ import annotations

from tests.cli.conftest import Desk
from tests.world import campaign

NAME = "Raden Mas " + "Sosro" * 120  # 610 bytes, twice in the body


def template(words: str) -> str:
    return f'template: hello\nvariants:\n  - push:\n      title: "Halo"\n      body: "{words}"\n'


def prepared(desk: Desk, words: str) -> None:
    desk.write(**{"schedules/c0.yaml": campaign(), "templates/hello.yaml": template(words)})
    for file in ("c1", "c2"):
        (desk.config / f"schedules/{file}.yaml").unlink()
    desk.kabar("db", "upgrade")
    desk.sql("INSERT INTO people (customer_no, name, portfolio_value) VALUES ('C1', %(name)s, 1), ('C2', 'Budi', 1)", name=NAME)
    desk.sql("INSERT INTO addresses (person_id, sort, kind, value) SELECT id, 'push', 'token', customer_no FROM people")


def test_words_that_never_fit_are_an_error_of_the_configuration(desk: Desk) -> None:
    prepared(desk, "é" * 2000)
    result = desk.kabar("check")
    assert result.exit_code == 1
    assert "templates/hello.yaml:4:7: a push of 4," in result.output
    assert "4,096 fit" in result.output


def test_words_that_do_not_fit_the_longest_name_are_not_approved(desk: Desk) -> None:
    prepared(desk, "{{ name }}" * 2 + "é" * 1300)
    assert desk.kabar("check").exit_code == 0
    result = desk.kabar("approve", "hello", "--by", "dewi")
    assert result.exit_code == 1
    assert "templates/hello.yaml:3:5: push with the longest values of this audience: 4," in result.output
    assert "say the rest behind `link`" in result.output
    assert desk.sql("SELECT * FROM approvals") == []
    assert "push with the longest values" in desk.kabar("preview", "hello").output
    desk.sql("UPDATE people SET name = 'Raden Mas' WHERE customer_no = 'C1'")
    assert desk.kabar("approve", "hello", "--by", "dewi").exit_code == 0

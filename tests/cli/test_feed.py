"""kabar import customers and kabar emit: what comes in by hand."""

from __future__ import annotations

from tests.cli.conftest import Desk, customer
from tests.cli.publishing import publish_config

HEADER = "customer_no,name,email,portfolio_value\n"


def test_good_rows_go_in_and_bad_ones_are_told(desk: Desk) -> None:
    file = desk.directory / "people.csv"
    file.write_text(HEADER + "C000001,Budi,budi@example.com,1000000\nC000002,Sari,not an address,1000000\n")
    result = desk.kabar("import", "customers", str(file))
    assert result.exit_code == 0
    assert "people.csv.rejects.csv" in result.stdout
    assert [row["customer_no"] for row in desk.sql("SELECT customer_no FROM people")] == ["C000001"]


def test_an_import_works_before_any_configuration_and_on_an_empty_database(desk: Desk) -> None:
    desk.sql("DROP SCHEMA public CASCADE")
    desk.sql("CREATE SCHEMA public")
    file = desk.directory / "people.csv"
    file.write_text(HEADER + "C000001,Budi,budi@example.com,1000000\n")
    result = desk.kabar("import", "customers", str(file), KABAR_CONFIG_DIR="nowhere")
    assert result.exit_code == 0, result.output
    assert desk.sql("SELECT count(*) AS n FROM people") == [{"n": 1}]


def test_a_missing_file_is_named(desk: Desk) -> None:
    result = desk.kabar("import", "customers", "nowhere.csv")
    assert result.exit_code == 1
    assert "nowhere.csv" in result.stderr
    assert "Traceback" not in result.output


def test_an_event_is_stored_once_by_its_id(desk: Desk) -> None:
    publish_config(desk)
    customer(desk)
    told = ("emit", "kyc.rejected", "--customer", "C000001", "--data", "reason=photo", "--id", "e1")
    assert desk.kabar(*told).exit_code == 0
    again = desk.kabar(*told)
    assert again.exit_code == 0
    assert "known already" in again.stdout
    assert desk.sql("SELECT event_id, name, data FROM events") == [{"event_id": "e1", "name": "kyc.rejected", "data": {"reason": "photo"}}]


def test_an_unknown_event_is_refused_with_a_suggestion(desk: Desk) -> None:
    publish_config(desk)
    result = desk.kabar("emit", "kyc.reject", "--customer", "C000001")
    assert result.exit_code == 1
    assert 'did you mean "kyc.rejected"?' in result.stderr


def test_an_unknown_customer_is_refused(desk: Desk) -> None:
    publish_config(desk)
    result = desk.kabar("emit", "kyc.updated", "--customer", "C999999")
    assert result.exit_code == 1
    assert "C999999" in result.stderr
    assert desk.sql("SELECT * FROM events") == []


def test_data_must_be_what_the_event_declares(desk: Desk) -> None:
    publish_config(desk)
    customer(desk)
    told = ("emit", "kyc.rejected", "--customer", "C000001")
    assert "data: lacks reason" in desk.kabar(*told).stderr
    assert 'did you mean "reason"?' in desk.kabar(*told, "--data", "reson=x").stderr
    assert desk.kabar(*told, "--data", "reason").exit_code == 2
    assert "--data: " in desk.kabar(*told, "--data", f"reason={'x' * 2001}").stderr
    assert "--id: " in desk.kabar(*told, "--data", "reason=x", "--id", "x" * 201).stderr
    assert desk.sql("SELECT * FROM events") == []


def test_an_event_waits_for_nobody_who_could_read_it(desk: Desk) -> None:
    customer(desk)
    result = desk.kabar("emit", "kyc.updated", "--customer", "C000001")
    assert result.exit_code == 1
    assert "no configuration is published yet; start the scheduler" in result.stderr

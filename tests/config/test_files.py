"""Reading a directory: YAML 1.2 only, bounded, and the same from disk and from the database."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.loader import load, parse
from config.problems import ConfigError, Problem
from config.source import MAX_BYTES, read
from tests.config.written import CONTENTS, FILES, good, spoilt


def write(directory: Path) -> Path:
    for path, text in FILES.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text, encoding="utf-8")
    return directory


def refused(directory: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(directory, CONTENTS)
    return [str(problem).replace(directory.as_posix(), "config") for problem in caught.value.problems]


def test_a_directory_and_its_texts_give_the_same(tmp_path: Path) -> None:
    loaded = load(write(tmp_path), CONTENTS)
    again = parse(loaded.files, CONTENTS, root=tmp_path.as_posix())
    assert again == loaded
    assert loaded.hash == good().hash


def test_line_ends_and_byte_order_marks_are_no_change(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "rules.yaml").write_bytes(b"\xef\xbb\xbf" + FILES["rules.yaml"].replace("\n", "\r\n").encode())
    assert load(tmp_path, CONTENTS).hash == good().hash


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (write(tmp_path) / "templates/class.yaml").write_bytes(b"template: class\nvariants: caf\xe9\n")
    assert "config/templates/class.yaml:2:14: this is not UTF-8; save the file as UTF-8" in refused(tmp_path)


def test_a_file_that_cannot_be_read_draws_no_other_mistakes(tmp_path: Path) -> None:
    for number, path in enumerate(FILES):
        directory = write(tmp_path / str(number))
        (directory / path).write_bytes(b"\xff")
        assert refused(directory) == [f"config/{path}:1:1: this is not UTF-8; save the file as UTF-8"]


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (write(tmp_path) / "events.yaml").write_text("#" * (MAX_BYTES * 4 + 1))
    assert any("events.yaml:1:1: the file is larger than" in line for line in refused(tmp_path))


def test_a_link_out_of_the_directory_is_not_followed_and_one_within_it_is(tmp_path: Path) -> None:
    config = write(tmp_path / "config")
    (config / "rules.yaml").rename(tmp_path / "secret.yaml")
    (config / "rules.yaml").symlink_to(tmp_path / "secret.yaml")
    assert any("rules.yaml:1:1: is a link to a file outside of this directory" in line for line in refused(config))
    (tmp_path / "secret.yaml").rename(config / ".rules-of-today")
    (config / "rules.yaml").unlink()
    (config / "rules.yaml").symlink_to(config / ".rules-of-today")
    assert load(config, CONTENTS).hash == good().hash


def test_python_files_editors_leftovers_and_yml_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "models.py").write_text("nonsense: [")
    (tmp_path / "schedules/.class.yaml").write_text("nonsense: [")
    (tmp_path / "rules.yaml").rename(tmp_path / "rules.yml")
    assert load(tmp_path, CONTENTS).where("window", "any-time").endswith("/rules.yml:3")


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere") == ["config: there is no such directory; KABAR_CONFIG_DIR names it"]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\n\tb: 2\n", (2, 1), "a tab"),
        ("a: 1\nb: 2\na: 3\n", (3, 1), '"a" is written twice; the first stands on line 1'),
        ("a: [1, 2\nb: 3\n", (2, 2), "unreadable YAML"),
        ("a: *nobody", (1, 4), "undefined alias"),
        ("---\na: 1\n---\nb: 1\n", (3, 1), "several documents"),
        ("a: !!python/object/apply:os.system [x]", (1, 4), "is not used here"),
        ("a: &a [*a]", (1, 4), "an alias that contains itself"),
        ("[" * 5000, (1, 1), "nested too deeply"),
        ("a: b\nc: \x07", (2, 4), "U+0007 is not allowed"),
        ("? [1]\n: 2", (1, 3), "a key must be text"),
        ("%YAML 1.1\n---\na: no", (1, 1), "a YAML directive"),
        ("a: " + "9" * 5000, (1, 4), "is not a number"),
        ("#" * (MAX_BYTES + 1), (1, 1), "larger than"),
        (
            "\n".join(f"k{n}: &k{n} [{', '.join(['x' if not n else f'*k{n - 1}'] * 9)}]" for n in range(9)),
            (1, 10),
            "more than 50000 values",
        ),
    ],
)
def test_unreadable_yaml_is_shown_with_its_place(text: str, place: tuple[int, int], words: str) -> None:
    problems: list[Problem] = []
    read("f.yaml", text, problems)
    assert (problems[0].line, problems[0].col) == place
    assert words in problems[0].message


def test_yaml_1_2_leaves_words_and_hours_alone() -> None:
    source = read("f.yaml", "a: no\nb: 19:00\nc: on\nd: 2026-11-20\ne: 5\nf: ~\n", [])
    assert source is not None
    assert source.data == {"a": "no", "b": "19:00", "c": "on", "d": "2026-11-20", "e": 5, "f": None}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: say X\n", (1, 8)),
        ('a: "say \\"X\\""\n', (1, 11)),
        ("a: |\n  say\n    X\n", (3, 5)),
        ("a: >-\n   say\n   X\n", (3, 4)),
        ("a: say\n  more X\n", (2, 8)),
        ("a: 'it''s X'\n", (1, 11)),
    ],
)
def test_a_place_inside_a_text_is_found_however_it_is_written(text: str, place: tuple[int, int]) -> None:
    source = read("f.yaml", text, [])
    assert source is not None
    problem = source.problem(("a",), "here", offset=str(source.get(("a",))).index("X"))
    assert (problem.line, problem.col) == place


def test_what_a_decision_comes_from_is_pointed_at() -> None:
    config = good()
    assert config.where("cap", 1) == "config/rules.yaml:9"
    assert config.where("gap") == "config/rules.yaml:6"
    assert config.where("campaign", "class") == "config/schedules/class.yaml:1"
    assert config.where("segment", "dormant") == "config/segments.yaml:4"
    assert config.where("same_topic") == ""


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("schedules/class.yaml", "by: 1h", "by: 2h"),
        ("schedules/class.yaml", "not: [dormant]", "not: []"),
        ("templates/class.yaml", "Halo,", "Hai,"),
        ("segments.yaml", "180 days", "90 days"),
    ],
)
def test_an_edit_of_content_audience_or_schedule_voids_an_approval(path: str, old: str, new: str) -> None:
    assert good(spoilt(path, old, new)).content_hash("class") != good().content_hash("class")


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("schedules/class.yaml", "campaign: class", "# a comment\ncampaign:   'class'"),
        ("rules.yaml", "gap: 2h", "gap: 3h"),
        ("segments.yaml", "portfolio_value < 500000000", "(portfolio_value   <  500000000)"),
    ],
)
def test_an_edit_of_looks_or_rules_keeps_an_approval(path: str, old: str, new: str) -> None:
    changed = good(spoilt(path, old, new))
    assert changed.content_hash("class") == good().content_hash("class")
    assert changed.hash != good().hash

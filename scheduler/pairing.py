"""Which run of one rehearsal is which of another. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from store.compared import RunRow

Runs = Sequence[RunRow]
_Pairs = list[tuple[RunRow, RunRow]]
_DAY = len("2026-11-20")


def numbered(before: Runs, after: Runs) -> tuple[dict[int, int], dict[int, int]]:
    """Run id → number, for each side; runs that are the same have the same number. Numbers follow campaign and occurrence.

    The same are those of one campaign and occurrence. Of a campaign whose time was changed: the only ones left of a day on both
    sides, then all that are left, in order, if both sides have as many.
    """
    same = list(_matched(before, after))
    alone = _without(before, {a.id for a, _ in same}), _without(after, {b.id for _, b in same})
    every: list[tuple[RunRow | None, RunRow | None]] = [*same, *((run, None) for run in alone[0]), *((None, run) for run in alone[1])]
    every.sort(key=_order)
    return (
        {was.id: number for number, (was, _) in enumerate(every) if was},
        {now.id: number for number, (_, now) in enumerate(every) if now},
    )


def _order(pair: tuple[RunRow | None, RunRow | None]) -> tuple[str, str]:
    run = pair[0] or pair[1]
    return (run.campaign, run.occurrence) if run else ("", "")


def _matched(before: Runs, after: Runs) -> Iterator[tuple[RunRow, RunRow]]:
    there = {(run.campaign, run.occurrence): run for run in after}
    exact = [(run, there[run.campaign, run.occurrence]) for run in before if (run.campaign, run.occurrence) in there]
    yield from exact
    left, right = _by_campaign(_without(before, {a.id for a, _ in exact})), _by_campaign(_without(after, {b.id for _, b in exact}))
    for campaign in left.keys() & right.keys():
        yield from _moved(left[campaign], right[campaign])


def _moved(before: Runs, after: Runs) -> _Pairs:
    days = [[(run.occurrence[:_DAY], run) for run in runs] for runs in (before, after)]
    only = [{day: run for day, run in side if sum(day == other for other, _ in side) == 1} for side in days]
    found = [(only[0][day], only[1][day]) for day in only[0] if day in only[1]]
    left, right = _without(before, {a.id for a, _ in found}), _without(after, {b.id for _, b in found})
    return found + (list(zip(left, right, strict=True)) if len(left) == len(right) else [])


def _by_campaign(runs: Runs) -> dict[str, list[RunRow]]:
    found: dict[str, list[RunRow]] = defaultdict(list)
    for run in runs:
        found[run.campaign].append(run)
    return found


def _without(runs: Runs, ids: set[int]) -> list[RunRow]:
    return [run for run in runs if run.id not in ids]

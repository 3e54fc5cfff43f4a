"""Promise 8 in small: real processes, real signals."""

from __future__ import annotations

from tests.chaos.stopped import Size, keep

SHORT = Size(
    60,
    8,
    1_500,
    0.3,
    {"email": 20, "whatsapp": 20, "push": 20},
    60,
    {
        "KABAR_LEASE": "5",
        "KABAR_EMAIL__DEADLINE": "2.5",
        "KABAR_WHATSAPP__DEADLINE": "2.5",
        "KABAR_PUSH__DEADLINE": "2.5",
        "KABAR_POPUP__DEADLINE": "2.5",
    },
)


def test_a_stop_settles_what_is_in_flight_and_one_that_is_cut_short_is_safe() -> None:
    verdict = keep(0, SHORT)
    assert not verdict.breaches, verdict

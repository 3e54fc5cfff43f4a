"""The page of the sandbox, as operations use it: send a test, look at the customer's devices, turn a knob."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import expect
from typer.testing import CliRunner, Result

from console.cli.app import built
from console.cli.sandbox_templates import approved_templates
from jobs.clock import DatabaseClock
from scheduler.bootstrap import read_config
from tests.browser.chromium import page_of
from tests.browser.conftest import Stage
from tests.world import addresses_of, campaign, files

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("own_logging")]

WORDS = """
template: hello
variants:
  - push: {title: "Halo {{ first_name }}", body: "Ada kabar push.", image: "https://cdn.example.co.id/a/push.jpg"}
    popup: {title: "Halo {{ first_name }}", body: "Ada kabar di aplikasi."}
    email: {subject: "Surat untuk {{ first_name }}", body: "Ada **kabar**.", image: "https://cdn.example.co.id/s.jpg", image_alt: Poster}
    whatsapp: {name: hello, parameters: ["{{ first_name }}"], text: "Halo {{ first_name }}, ada kabar WhatsApp."}
"""


@pytest.fixture
def written(stage: Stage, tmp_path: Path) -> Path:
    """A configuration directory, whose WhatsApp templates the sandbox knows as Meta would."""
    for name, text in files(campaign(channels="[push, popup, email, whatsapp]"), template=WORDS).items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for template in approved_templates(read_config(tmp_path)):
        stage.sandbox.templates.put(template)
    return tmp_path


async def send_test(stage: Stage, written: Path, channel: str, to: str, customer: str) -> Result:
    env = stage.sandbox.environment() | {"KABAR_DATABASE_URL": stage.house.database.conninfo, "KABAR_CONFIG_DIR": str(written)}
    words = ["send-test", "hello", "--channel", channel, "--to", to, "--customer", customer, "--by", "sari"]
    return await asyncio.to_thread(CliRunner().invoke, built(words[0]), words, env=env, prog_name="kabar")


async def test_a_test_of_every_channel_is_seen_on_the_customers_devices(stage: Stage, written: Path) -> None:
    customer = await stage.customer(name="Wulan Pratiwi")
    push, phone, mail = (value for _, _, value in addresses_of(int(customer[1:])))
    stage.sandbox.directory.put(customer, "Wulan Pratiwi", [push, phone, mail])
    for channel, to in (("push", push), ("whatsapp", phone), ("email", mail), ("popup", customer)):
        result = await send_test(stage, written, channel, to, customer)
        assert result.output.startswith("sent: "), result.output
    stage.clock.advance_to(await DatabaseClock(stage.house.database).sync())  # the command's clock is the database's
    async with page_of(stage.browser, width=1440, height=1000) as page:
        await page.goto(stage.site)
        await page.get_by_label("Nasabah", exact=True).get_by_role("button", name="Wulan Pratiwi").click()
        lock, chat, box, own = (page.locator("figure").nth(number) for number in range(4))
        await expect(lock.get_by_text("Halo Wulan")).to_be_visible()
        assert await lock.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 1200
        await expect(chat.get_by_text("Halo Wulan, ada kabar WhatsApp.")).to_be_visible()
        letter = box.frame_locator("iframe")
        await expect(letter.locator("strong", has_text="kabar")).to_be_visible()
        assert await letter.get_by_alt_text("Poster").evaluate("image => image.naturalWidth") == 1200
        await box.get_by_role("button", name="Teks").click()
        await expect(letter.locator("pre")).to_contain_text("kabar")
        await expect(own.frame_locator("iframe").get_by_role("dialog")).to_contain_text("Ada kabar di aplikasi.")


async def test_messages_are_found_by_person_campaign_and_channel_and_come_by_themselves(stage: Stage) -> None:
    deliver(stage, "push", "tok-andi", "rapat", title="Rapat umum")
    deliver(stage, "push", "tok-sari", "kelas", title="Kelas malam")
    async with page_of(stage.browser, width=1200) as page:
        await page.goto(stage.site)
        await page.get_by_label("Cari nasabah").fill("SARI")
        people = page.locator("#customers button")
        await expect(people).to_have_text(["tok-sariPush 1"])
        await page.get_by_label("Kampanye").select_option("rapat")
        await expect(page.locator("article")).to_have_count(1)
        await expect(page.locator("article")).to_contain_text("Rapat umum")
        deliver(stage, "push", "tok-budi", "rapat", title="Rapat susulan")
        await expect(page.locator("article").first).to_contain_text("Rapat susulan")
        await page.get_by_role("navigation", name="Kanal").get_by_role("button", name="E-mail").click()
        await expect(page.locator("article")).to_have_count(0)


async def test_a_knob_makes_the_provider_fail_until_it_is_turned_back(stage: Stage, written: Path) -> None:
    customer = await stage.customer()
    async with page_of(stage.browser, width=1440) as page:
        await page.goto(stage.site)
        await page.get_by_role("button", name="Gangguan").click()
        await page.get_by_label("Jenis").fill("NONSENSE")
        await page.get_by_role("button", name="Pasang").click()
        await expect(page.get_by_role("alert")).to_contain_text('kind "NONSENSE"')
        await page.get_by_label("Jenis").fill("UNREGISTERED")
        await page.get_by_role("button", name="Pasang").click()
        await expect(page.get_by_role("listitem")).to_contain_text(["push · UNREGISTERED · 100 %"])
        assert (await send_test(stage, written, "push", "tok", customer)).output.startswith("rejected: UNREGISTERED")
        await page.get_by_role("button", name="Hentikan semua").click()
        await expect(page.get_by_role("listitem")).to_have_count(0)
        await expect(page.get_by_role("navigation", name="Kanal").get_by_role("button", name="Push")).to_contain_text("✕ 1")
    assert (await send_test(stage, written, "push", "tok", customer)).output.startswith("sent: ")


async def test_ten_thousand_messages_are_paged_and_what_they_carry_does_nothing(stage: Stage) -> None:
    evil = "<script>parent.done = top.done = 1</script><img src=x onerror='top.done = 1'>"
    for number in range(10_000):
        deliver(stage, "push", f"tok-{number % 700}", "banyak", title=f"Pesan {number}")
    deliver(stage, "push", evil, "jahat", title=evil, image='https://x"><script>done = 1</script>')
    stage.sandbox.journal.accept(
        "email", to=evil, key="", campaign=evil, provider_id="",
        raw=f"Subject: {evil}\r\nContent-Type: text/html\r\n\r\n{evil}<form action=/x><a href='https://example.com/' id=out>x</a>".encode(),
    )  # fmt: skip
    async with page_of(stage.browser, width=900) as page:
        await page.goto(stage.site)
        cards = page.locator("article")
        await expect(cards).to_have_count(40)
        await page.get_by_role("button", name="Muat yang lebih lama").click()
        await expect(cards).to_have_count(80)
        await expect(cards.nth(79)).to_contain_text("Pesan 9922")
        await expect(cards.first.frame_locator("iframe").locator("#out")).to_be_visible()
        assert await page.evaluate("[typeof done, document.querySelectorAll('article script').length]") == ["undefined", 0]
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def deliver(stage: Stage, channel: str, to: str, name: str, **notification: str) -> None:
    """A push that the sandbox's FCM accepted."""
    raw = json.dumps({"message": {"notification": notification, "data": {}}}).encode()
    stage.sandbox.journal.accept(channel, to=to, key="", campaign=name, provider_id="", raw=raw)

"""E-mail: what a mail reader makes of our bytes, and what a server's reply makes of an address."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import ValidationError

from channels.base import Address, Envelope
from channels.email.address import envelope_address
from channels.email.content import EmailContent, PreparedEmail
from channels.email.markdown import to_html, to_text
from channels.email.mime import LetterError, Letterhead
from channels.email.replies import RECIPIENT, SENDER, Reply, verdict_of
from channels.email.settings import EmailSettings
from channels.verdicts import DROP_ADDRESS, STOP_CHANNEL, Do
from tests.channels import samples

NOW = 1_790_000_000.0
HEAD = Letterhead("Kabar Sekuritas — Resmi <kabar@example.com>", "bounce.example.com")
AUTOESCAPED = ImmutableSandboxedEnvironment(autoescape=True)
PLAIN = ImmutableSandboxedEnvironment(autoescape=False)


def rendered(content: EmailContent, **data: object) -> PreparedEmail:
    """As the house renders: autoescape on the fields that are HTML."""
    prepared = content.prepared()
    values = {
        name: (AUTOESCAPED if name in prepared.html_fields else PLAIN).from_string(text).render(data)
        for name, text in prepared.model_dump(exclude_none=True, exclude={"links"}).items()
    }
    links = [PLAIN.from_string(link).render(data) for link in prepared.links]
    return PreparedEmail.model_validate(values, context={"rendered": True}).linked(links)


def mail(
    subject: str = "Halo",
    text: str = "isi",
    html: str = "<p>isi</p><!--footer-->",
    address: Address = samples.MAILBOX,
    key: str = samples.KEY,
    unsubscribe: str | None = samples.LINK,
    locale: str = "id",
) -> Envelope:
    content = PreparedEmail(subject=subject, html=html, text=text)
    return samples.envelope(content, address, key=key, unsubscribe=unsubscribe, locale=locale)


def read(envelope: Envelope) -> EmailMessage:
    message = message_from_bytes(HEAD.write(envelope, NOW).data, policy=SMTP_POLICY)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_headers_are_those_of_a_bulk_sender() -> None:
    message = read(mail())
    assert message["From"].addresses[0].display_name == "Kabar Sekuritas — Resmi"
    assert message["From"].addresses[0].addr_spec == "kabar@example.com"
    assert message["To"] == "sari@example.com"
    assert message["Message-ID"] == f"<{samples.KEY}@example.com>"
    assert message["Date"] == "Mon, 21 Sep 2026 14:13:20 +0000"
    assert message["List-ID"] == "<reminder.example.com>"
    assert message["Feedback-ID"] == "live-trading:reminder:email:kabar"
    assert (message["Auto-Submitted"], message["Precedence"]) == ("auto-generated", "bulk")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    mailto = f"mailto:unsubscribe+{samples.KEY}@bounce.example.com?subject=unsubscribe"
    assert message["List-Unsubscribe"] == f"<{samples.LINK}>, <{mailto}>"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_the_return_path_names_the_message() -> None:
    letter = HEAD.write(mail(), NOW)
    assert letter.return_path == f"bounce+{samples.KEY}@bounce.example.com"
    assert Letterhead("kabar@example.com", None).write(mail(), NOW).return_path == "kabar@example.com"


def test_every_mail_says_how_to_leave_in_the_readers_language() -> None:
    message = read(mail())
    assert body(message, "plain").splitlines()[-2:] == ["-- ", f"Berhenti berlangganan: {samples.LINK}"]
    both = read(replace(mail(), preferences="https://x.id/p/x"))
    assert body(both, "plain").splitlines()[-1] == "Atur preferensi: https://x.id/p/x"
    assert ">Atur preferensi</a>" in body(both, "html")
    assert f'href="{samples.LINK}"' in body(message, "html")
    assert "Unsubscribe" in body(read(mail(locale="en-GB")), "html")


def test_a_service_mail_has_no_unsubscribe() -> None:
    message = read(mail(unsubscribe=None))
    assert message["List-Unsubscribe"] is None
    assert "berlangganan" not in body(message, "html")


@given(
    subject=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200).filter(str.strip),
    text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=300).filter(str.strip),
)
def test_any_text_arrives_as_written(subject: str, text: str) -> None:
    envelope = mail(subject=subject, text=text, html=f"<p>{text}</p>", unsubscribe=None)
    data = HEAD.write(envelope, NOW).data
    assert data.isascii()
    assert max(map(len, data.split(b"\r\n"))) <= 78
    assert b"\n" not in data.replace(b"\r\n", b"")
    message = read(envelope)
    assert message["Subject"] == " ".join(subject.split())
    assert body(message, "plain").split() == text.split()


@pytest.mark.parametrize("breaks", ["\r\n", "\n", "\r", "\u2028", "\x85", "\x0b"])
def test_no_value_can_add_a_header(breaks: str) -> None:
    message = read(mail(subject=f"Halo{breaks}Bcc: thief@example.com"))
    assert message["Bcc"] is None
    assert message["Subject"] == "Halo Bcc: thief@example.com"


@pytest.mark.parametrize(
    "address",
    [
        "a@b\r\nRCPT TO:<x@y>",
        "a b@c.id",
        "<a@b.id>",
        "a@b.id>",
        "a@",
        "@b.id",
        "budi",
        "büdi@b.id",
        '"a"@b.id',
        "a@b,c@d",
        "",
    ],
)
def test_an_address_that_is_none_never_reaches_the_server(address: str) -> None:
    assert envelope_address(address) is None
    with pytest.raises(LetterError, match="address_syntax"):
        HEAD.write(mail(address=Address(1, "email", address)), NOW)


def test_a_domain_may_have_letters_of_its_own() -> None:
    assert envelope_address("info@bücher.example") == "info@xn--bcher-kva.example"


def test_an_unsubscribe_link_that_could_break_a_header_is_refused() -> None:
    with pytest.raises(LetterError, match="unsubscribe_link"):
        HEAD.write(mail(unsubscribe="https://x/>\r\nBcc: a@b"), NOW)
    with pytest.raises(ValueError, match="Message-ID"):
        HEAD.write(mail(key="a>b"), NOW)


# --- from Markdown --------------------------------------------------------------------------------------------------

BODY = """# Halo {{ name }}

Saham **{{ stock }}** naik, [lihat]({{ link }}) atau <b>tunggu</b>.
{% if vip %}
- Undangan khusus
- {{ seat }}
{% endif %}

{# operations only #}Salam"""


def test_placeholders_survive_and_personal_values_are_escaped() -> None:
    content = EmailContent(subject="Halo {{ name }}", body=BODY, preheader="<{{ name }}>", image=samples.IMAGE, image_alt='"{{ name }}"')
    found = rendered(content, name="<script>&\"'", stock="A_B*C", link="https://example.com/?a=1&b=2", vip=True, seat="_1_")
    assert "<script>" not in found.html
    assert "Halo &lt;script&gt;&amp;&#34;&#39;</h1>" in found.html
    assert "<strong>A_B*C</strong>" in found.html
    assert 'href="https://example.com/?a=1&amp;b=2"' in found.html
    assert "&lt;b&gt;tunggu&lt;/b&gt;" in found.html
    assert 'alt="&quot;&lt;script&gt;&amp;&#34;&#39;&quot;"' in found.html
    assert "operations only" not in found.html + found.text
    assert found.subject == "Halo <script>&\"'"
    assert found.text.startswith("Halo <script>&\"'\n\nSaham A_B*C naik, lihat (https://example.com/?a=1&b=2) atau <b>tunggu</b>.")
    assert "- Undangan khusus\n- _1_" in found.text


def test_a_rendered_image_is_judged_again() -> None:
    content = EmailContent(subject="s", body="b", image="{{ poster }}", image_alt="a")
    assert f'src="{samples.IMAGE}"' in rendered(content, poster=samples.IMAGE).html
    with pytest.raises(ValidationError, match="is not a link"):
        rendered(content, poster="javascript:alert(1)")


def test_a_condition_around_a_list_takes_all_of_it_away() -> None:
    html = rendered(EmailContent(subject="s", body=BODY), name="n", stock="s", link="https://x.id", vip=False).html
    assert "<ul" not in html
    assert "<li" not in html
    assert "<p></p>" not in html.replace(" ", "")
    assert html.count("<p") == html.count("</p>")


def test_a_loop_makes_an_item_a_round() -> None:
    html = AUTOESCAPED.from_string(to_html("{% for row in rows %}\n- {{ row }}\n{% endfor %}")).render(rows=["a", "b"])
    assert html.count("<li") == html.count("</li>") == 2
    assert html.count("<ul") == html.count("</ul>") == 2


def test_plain_text_reads_as_people_write_it() -> None:
    markdown = "## Jadwal\n\n1. Buka\n2. Tutup\n   - sesi dua\n\n> catatan\n\n| A | B |\n|---|---|\n| 1 | 2 |\n\n---\n`kode` ![poster](https://x.id/a.png)"
    text, _ = to_text(markdown)
    assert text.startswith("Jadwal\n\n1. Buka\n2. Tutup\n")
    assert "  - sesi dua" in text
    assert "A | B\n1 | 2" in text
    assert text.endswith("---\n\nkode poster")


def test_a_link_that_is_a_whole_paragraph_of_the_letter_is_a_button() -> None:
    html = to_html(
        "[Ikut]({{ link }})\n\nBaca [ini](https://x.id) dulu.\n\n- [satu](https://x.id)\n\n> [kutipan](https://x.id)\n\n# [judul](https://x.id)"
    )
    assert html.count('class="button"') == 1
    assert html.index('class="button"') < html.index("Ikut</a>")


def test_the_page_holds_the_subject_and_colours_for_dark_screens_and_is_still_a_template() -> None:
    found = rendered(EmailContent(subject="Halo {{ name }} <3", body="isi"), name="<b>").html
    assert "<title>Halo &lt;b&gt; &lt;3</title>" in found
    assert "@media (prefers-color-scheme:dark){.page{background:" in found


def test_links_that_run_code_stay_text() -> None:
    assert "<a" not in to_html("[x](javascript:alert(1))")


def test_an_image_is_described_and_only_https() -> None:
    with pytest.raises(ValidationError, match="image_alt"):
        EmailContent(subject="s", body="b", image=samples.IMAGE)
    with pytest.raises(ValidationError, match="is not a link"):
        EmailContent(subject="s", body="b", image="http://example.com/a.png", image_alt="a")


# --- replies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("enhanced", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"])
def test_replies_that_bury_an_address(enhanced: str) -> None:
    assert verdict_of(Reply(550, f"{enhanced} no"), RECIPIENT) is DROP_ADDRESS
    assert not verdict_of(Reply(450, f"{enhanced} no"), RECIPIENT).drop_address


@pytest.mark.parametrize(
    "code, text",
    [
        (550, "no such user"),
        (550, "5.7.1 policy"),
        (552, "5.3.4 too big"),
        (554, "5.6.0 content"),
        (556, "5.7.27 null MX"),
        (550, "5.2.2 full"),
    ],
)
def test_replies_that_are_not_about_the_address(code: int, text: str) -> None:
    verdict = verdict_of(Reply(code, text), RECIPIENT)
    assert verdict.do is Do.REJECT
    assert not verdict.drop_address


@pytest.mark.parametrize(
    ("text", "elsewhere"), [("5.1.1 who?", True), ("5.1.0 no", True), ("5.2.2 full", True), ("5.7.1 policy", False), ("no", False)]
)
def test_a_reply_says_whether_another_channel_may_do(text: str, elsewhere: bool) -> None:
    assert verdict_of(Reply(550, text), RECIPIENT).elsewhere is elsewhere


def test_null_mx_buries_the_address() -> None:
    assert verdict_of(Reply(556, "domain takes no mail"), RECIPIENT).drop_address
    assert verdict_of(Reply(556, "5.1.10 domain takes no mail"), RECIPIENT).drop_address


@given(st.integers(400, 499), st.integers(0, 9), st.integers(0, 30))
def test_no_temporary_reply_ends_a_message(code: int, subject: int, detail: int) -> None:
    for table in (SENDER, RECIPIENT):
        assert verdict_of(Reply(code, f"4.{subject}.{detail} later"), table).do is Do.RETRY


@given(st.integers(500, 599), st.text(max_size=20))
def test_what_is_said_about_the_sender_never_drops_an_address(code: int, text: str) -> None:
    assert not verdict_of(Reply(code, text), SENDER).drop_address


def test_a_sender_who_is_refused_stops_the_channel() -> None:
    assert verdict_of(Reply(535, "5.7.8 bad password"), SENDER) is STOP_CHANNEL


@given(st.integers(-1, 399))
def test_what_is_no_refusal_leaves_doubt(code: int) -> None:
    assert verdict_of(Reply(code, "?"), RECIPIENT).do is Do.UNKNOWN


# --- settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"dkim_selector": "s1"}, "DKIM_KEY_FILE and KABAR_EMAIL__DKIM_SELECTOR"),
        ({"username": "u"}, "USERNAME and KABAR_EMAIL__PASSWORD"),
        ({"username": "u", "password": "p", "security": "none"}, "in clear"),
        ({"sender": "nobody"}, "is not a sender"),
        ({"sender": "A\r\nBcc: x <a@b.id>"}, "is not a sender"),
        ({"bounce_domain": "a b"}, "pattern"),
        ({"dkim_key_file": "/nowhere/key.pem", "dkim_selector": "s"}, "not point to a file"),
    ],
)
def test_settings_that_contradict_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        EmailSettings.model_validate(settings)

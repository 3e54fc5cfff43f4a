"""What sort of mail it is: told by its report, its headers, and only then by its words."""

from __future__ import annotations

import re

from channels.email.bounces.failures import DELAYED, FAILED, actions
from channels.email.bounces.letter import Letter
from channels.email.bounces.phrases import any_of
from channels.email.bounces.values import Sort
from channels.email.bounces.words import plain

_DAEMON = any_of(
    r"""
    mailer-?daemon|postmaster|mail delivery|delivery (?:sub)?system|mail administrator|mailsystem|mail system|<>|bounce
    microsoftexchange|mdaemon|ses\.amazon
    """
)
_SUBJECT = any_of(
    r"""
    undeliver|undelivrable|undelivered|deliver(?:y|ed)? (?:status|fail|problem|notif|report|error|incomplete|has)|delivery:?[ ]
    returned (?:mail|to sender|e-?mail)
    (?:mail|message|email)(?:er)?[ :-]{1,3}(?:deliver\w* )?(?:fail|error|not|status|bounced|system|could)|failure notice
    n[o']t be delivered|not delivered|failed mail|non recapit|unzustellbar|nicht zugestellt|zugestellt werden|non remis
    non distribu|devuelt|devolvid|nao entreg|no entregad|gagal|tidak terkirim|tidak dapat dikirim|mancata consegna|niedostarcz
    nie dostarcz|доставлен|доставк|postmaster notify|mail failed|user unknown|error (?:during|report)|rejected|配信|送信でき|送信失敗
    エラー|退信|系统退信|无法|delivery err|oleverer|olevererbart|could ?n[o']t (?:be )?(?:send|sent|deliver)|recensé|recense|mail error
    blocked
    """
)
_BODY = any_of(
    r"""
    (?:could|can|was|were|has|have|is|be) ?n[o']t (?:be )?(?:been )?(?:deliver|reach|sent|accept)|cannot be (?:deliver|sent)
    (?:unable|able|failed|failure|impossible) to (?:be )?(?:deliver|send)|undeliver|did ?n[o']t reach|not delivered
    deliver(?:y|ies)[^.]{0,60}fail|failed permanently|permanent(?:ly)? (?:fatal )?(?:error|fail)|returned to (?:you|sender)
    fatal errors|delivery has failed|following (?:address|recipient)|non e stato possibile|non (?:ha )?pu|konnte nicht
    nicht zugestellt|no (?:se )?pudo|nao (?:foi|pode)|tidak dapat (?:di)?kirim|gagal|не может быть доставлен|не доставлен
    nie (?:moze|zostala)|can not (?:be )?deliver|配信でき|送信でき|お届けでき|投递失败|无法(?:送达|投递)
    considered (?:as )?uns|failed recipient
    requested action|returned because|not yet been deliver|gick inte att|n'a (?:pas )?pu|not a valid user|no such user
    user unknown|mailbox (?:is )?full
    """
)
_DELAY = any_of(
    r"""
    delivery attempts? will
    (?:has|have) (?:not|been) (?:yet been )?(?:deliver\w+|delayed)[^.]{0,80}(?:will|hours|days|warning)
    (?:just|only) a warning|continue to attempt|will (?:be )?(?:retr|continue to|keep trying|try again)|warning message only
    you do not need to resend|no action is required on your part|still (?:being )?(?:trying|attempt|undelivered)
    delivery (?:is |has been |temporarily )?(?:delayed|suspended)|wird weiter versucht|delivery delay
    """
)
_AUTO_SUBJECT = any_of(
    r"""
    out of (?:the )?office|auto(?:matic(?:ally)?|mated)?[ -]?(?:re(?:ply|spon)|answer)|^auto:|autoreply|vacation|away from
    on (?:annual )?leave|abwesen|automatische antwort|absence|absent|reponse automatique|fuera de|respuesta automatica
    ausencia|resposta automatica|balasan otomatis|di luar kantor|sedang cuti|自動応答|自动回复|不在|automatyczna|automatisk|automatisch
    automatica|avtomat|atvalinaj|automatiska atbilde
    """
)
_AUTO_BODY = any_of(
    r"""
    out of (?:the )?office|on vacation|on (?:annual )?leave|i am (?:currently )?(?:away|out)|i will be (?:away|out|back)
    return(?:ing)? to the office|endeavour to reply|thank you for (?:your|you) e-?mail|sedang cuti|di luar kantor
    """
)
_CHALLENGE = any_of(
    r"""
    (?:guest|approved|allowed|white|sender) ?list[^.]{0,120}(?:click|link|confirm|verif|add)
    (?:click|confirm|verify)[^.]{0,160}(?:allowed list|ensure delivery)
    (?:click|confirm|verify)[^.]{0,160}(?:prove|human|your (?:address|message|e-?mail) (?:will|to be))|spamarrest|boxbe
    sender verification|challenge[ -]response|complete (?:the|this) (?:captcha|verification)|protected by bluebottle
    verifies (?:senders|that)
    """
)
_COMPLAINT = re.compile(r"^this is an (?:e-?mail )?abuse report|feedback loop|e-?mail feedback report for ip")
_NO_COMPLAINT = frozenset({"not-spam", "auth-failure", "dmarc", "miscategorized"})


def sort_of(letter: Letter, recipients: str) -> Sort:
    """recipients: who the mail was for, in one line."""
    if letter.feedback is not None:
        told = {value.strip().lower() for value in letter.feedback.get("feedback-type", ())}
        return Sort.AUTO_REPLY if told & _NO_COMPLAINT else Sort.COMPLAINT
    said = actions(letter)
    if any(action in FAILED for action in said):
        return Sort.BOUNCE
    if said:
        return Sort.DELAY if DELAYED in said else Sort.DELIVERED
    subject, body = plain(letter.first("subject")), plain(letter.text[:6000])
    if _COMPLAINT.search(body[:300]) or _COMPLAINT.search(subject):
        return Sort.COMPLAINT
    return _by_words(letter, recipients, subject, body)


def _by_words(letter: Letter, recipients: str, subject: str, body: str) -> Sort:
    daemon = _from_daemon(letter)
    bounced = bool(_SUBJECT.search(subject)) + bool(_BODY.search(body))
    report = letter.kind == "multipart/report" or bool(letter.reports)
    away = bool(_AUTO_SUBJECT.search(subject)) or _auto_header(letter)
    if _CHALLENGE.search(body[:3000]) and not report:
        return Sort.CHALLENGE
    if "unsubscribe+" in recipients and not daemon and not report:
        return Sort.AUTO_REPLY if away else Sort.UNSUBSCRIBE
    if report or (daemon and bounced) or (bounced == 2 and not _AUTO_SUBJECT.search(subject)):
        return Sort.DELAY if _DELAY.search(body) else Sort.BOUNCE
    if away or _AUTO_BODY.search(body[:1500]):
        return Sort.AUTO_REPLY
    return Sort.BOUNCE if bounced and letter.headers.get("x-failed-recipients") else Sort.REPLY


def _from_daemon(letter: Letter) -> bool:
    if letter.headers.get("x-failed-recipients") or letter.first("return-path").strip() == "<>":
        return True
    return any(_DAEMON.search(plain(value)) for value in letter.every("from", "sender", "x-mailer-daemon"))


def _auto_header(letter: Letter) -> bool:
    if letter.first("auto-submitted").lower().startswith("auto-replied"):
        return True
    if any(letter.headers.get(name) for name in ("x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply", "x-auto-response-from")):
        return True
    return "auto" in letter.first("precedence").lower() or "autoreply" in letter.first("x-mailer").lower()

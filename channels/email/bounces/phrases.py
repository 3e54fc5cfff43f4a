"""What servers say, as data: the words of each reason, in the languages our customers' providers speak.

Matched against words_of(): lower case, no accents, `@` for an address, `~` for a host, `#` for an IP. A line holds alternatives; the lines
of a reason are alternatives, too. Order within a table is the order in which reasons are asked: the first that matches gives the name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

Table = Mapping[str, re.Pattern[str]]

_WORDS = {
    "WHO": r"(?:user ?names?|users?|recipients?|rcpt|mailbox(?:es)?|mail box|accounts?|e-?mail address(?:es)?|address(?:es)?|addressees?|"
    r"alias|person|subscriber|customer|userid|user id|spectator|recipient name|local[- ]part|inbox)",
    "BOXER": r"(?:user ?names?|users?|recipients?|rcpt|mailbox|mail box|accounts?|address(?:es)?|addressees?|alias|userid|user id|"
    r"local[- ]part)",
    "KIND": r"(?:local |virtual |delivery |final |destination |or |unknown |illegal |e-?mail |mail |rcpt |user |system |site |recipient )*",
    "BOX": r"(?:mail ?box|mail ?folder|mail ?dir|mail ?store|in-?box|account|storage|disk|disc|user|recipient)",
}


def any_of(lines: str) -> re.Pattern[str]:
    """One pattern of lines of alternatives; `{WHO}` and its like stand for groups of words."""
    joined = "|".join(line.strip() for line in lines.strip().splitlines())
    for name, words in _WORDS.items():
        joined = joined.replace("{" + name + "}", words)
    return re.compile(joined)


def _table(**reasons: str) -> Table:
    return {reason: any_of(lines) for reason, lines in reasons.items()}


# Said of the mailbox, the mail or the sender: whatever else is said beside it, the address is there or nobody knows.
SOFT = _table(
    mailbox_full=r"""
        quota|(?<!\w)kuota|(?<!\w)cuota|(?<!\w)kontingent
        {BOX}[^.]{0,60}(?:\bfull\b|exceeds?\b|exceeded|over (?:its|the|their|size|limit|disk)|too (?:full|large)|out of)
        \bfull (?:{BOX})
        (?:not enough|insufficient|no more|out of|no) (?:free )?(?:disk |disc |storage |mailbox |mail )?(?:space|storage|room)
        does not have enough space|(?:would |has )?exceed(?:ed|s)?[^.]{0,40}(?:storage|space|allocation|allowed size|mailbox)
        space[^.]{0,30}(?:used up|not enough|full)|too many messages on the server|too much mail data
        mailbox (?:has )?(?:grown|reached)|no space left|storage limit|box space not enough
        postfach[^.]{0,60}(?:voll|uberfullt)|speicherplatz|boite[^.]{0,60}plein|espace (?:disque )?(?:insuffisant|depasse)
        casella[^.]{0,40}piena|(?:caixa|buzon|casilla|bandeja)[^.]{0,50}(?:chei[ao]|lotad|llen[ao])|sin espacio|sem espaco
        capacidade[^.]{0,30}exced|(?:kotak|mailbox|akun|penyimpanan|kapasitas)[^.]{0,50}(?:penuh|melebihi)
        melebihi (?:batas|kapasitas)|ruang[^.]{0,20}(?:habis|penuh)|skrzynka[^.]{0,50}(?:pelna|przepelnion)|переполнен
        ящик[^.]{0,30}полон|brevlada[^.]{0,30}full|vol(?:le)? (?:mailbox|postvak)|postvak[^.]{0,30}vol
        (?:メールボックス|受信箱|容量|ディスク)[^。]{0,30}(?:いっぱい|一杯|満杯|超え|超過|オーバー|不足)|(?:邮箱|信箱|郵箱|空间|空間|容量)[^。]{0,16}(?:满|滿|不足|超)
        용량[^.]{0,10}(?:초과|부족)|(?:hop thu|dung luong)[^.]{0,30}(?:day|vuot)
    """,
    disabled=r"""
        (?:account|mailbox|user|recipient|address)\b[^.;]{0,50}\b(?:disabled|suspended|suspend|deactivated)
        (?:subscriber|e-?mail|domain|box|customer|id)\b[^.;]{0,50}\b(?:disabled|suspended|suspend|deactivated)
        (?:account|mailbox|user|recipient|address)\b[^.;]{0,50}\b(?:de-?activated|inactive|locked|frozen|on hold)
        (?:subscriber|e-?mail|domain|box|customer|id)\b[^.;]{0,50}\b(?:de-?activated|inactive|locked|frozen|on hold)
        (?:account|mailbox|user|recipient|address)\b[^.;]{0,50}\b(?:archived|dormant|discontinued|closed|terminated|cancell?ed|expired)
        (?:subscriber|e-?mail|domain|box|customer|id)\b[^.;]{0,50}\b(?:archived|dormant|discontinued|closed|terminated|cancell?ed|expired)
        (?:account|mailbox|user|recipient|address)\b[^.;]{0,50}\b(?:not active|not enabled)
        (?:account|mailbox|user|recipient|address)\b[^.;]{0,50}\b(?:not activated|blocked for|under maintenance)
        (?:subscriber|e-?mail|domain|box|customer|id)\b[^.;]{0,50}\b(?:not active|not enabled)
        (?:subscriber|e-?mail|domain|box|customer|id)\b[^.;]{0,50}\b(?:not activated|blocked for|under maintenance)
        \b(?:disabled|suspended|deactivated|inactive) (?:\w+ )?(?:account|mailbox|user|recipient|customer)
        \b(?:locked|frozen|dormant|archived) (?:\w+ )?(?:account|mailbox|user|recipient|customer)|invalid/inactive
        suspend(?:ed)? (?:the )?service|extended inactivity|mailbox (?:temporarily )?(?:disabled|unavailable due)
        receiving disabled|\bis disabled\b|\[suspend\]|(?:postfach|konto|empfanger)[^.]{0,40}(?:gesperrt|deaktiviert|inaktiv)
        (?:compte|boite|adresse)[^.]{0,50}(?:suspendu|desactiv|archive|bloque|ferme)
        (?:cuenta|conta|buzon|caixa|usuario)[^.]{0,50}(?:suspen[sd]|bloquead|desativad|desactivad|deshabilitad|inativ|inactiv)
        (?:akun|alamat|pengguna|kotak)[^.]{0,50}(?:dinonaktifkan|ditangguhkan|diblokir|dibekukan|tidak aktif|nonaktif)
        заблокирован|отключен|неактивн|приостановлен|zablokowan|nieaktywn|zawieszon|停用|冻结|凍結|禁用|利用停止|停止されて
        (?:hesap|kullanici)[^.]{0,30}(?:askiya|kapali|devre)
    """,
    recipient_filter=r"""
        user reject|reject(?:s|ed)? by (?:the )?(?:user|recipient)|refuse[sd]? to receive|recipient preferences|user rules
        (?:recipient|user) is only accepting|only accept(?:s|ing)? (?:e-?mails?|messages?) from
        (?:are|is|am) not accepting (?:any )?(?:e-?mails?|messages?|new)|account is protected by
        blocked by (?:the )?(?:recipient|user)|restricted sms|resolver\.rst|notauthorized|members?[- ]only|non-?members?\b
        not (?:a )?(?:subscribed|member)|not allowed to post|closed (?:mailing )?list|moderator
        (?:recipient|group|list|mailbox)[^.]{0,40}(?:restricted|only accepts|requires? that)
        not (?:on|in) (?:the )?(?:recipient|user)'s|whitelist|white list|allowed senders|allow list
        previously (?:been )?(?:bounced|marked|unsubscribed)|bounced address|unsubscribed address|suppression list
        spam reporting address|550\W{1,3}: user unknown|受信拒否|ドメイン指定|recipient id refuse
    """,
    spam=r"""
        \bspam|\bspammer|\bunsolicited|\b(?:bulk|junk) (?:e-?mail|mail|message|advert)|\bube\b|\buce\b|black ?-?list
        block ?-?list|deny ?-?list|\bbl[oa]cked (?:using|by)\b|\b\w*rbls?\b|\bdnsbl|\bdbl\b|uribl|surbl|spamhaus|spamcop
        barracuda|abuseat|\bsorbs\b|senderscore|cloudmark|proofpoint|invaluement|reputation|mass ?mail|phish|\bvirus|\bmalware
        infected|\btrojan|\bworm\b|abus(?:e|ive|o)\b|complaints?\b|bogofilter|dcc reject|razor|unwanted
        ip[^.]{0,40}\b(?:blocked|listed|banned)|banned|\bpubli(?:citario|cidad|cidade)|unerwunscht|indesirable|pourriel
        nevyzadan|reklam|спам|垃圾|迷惑メール|blocked for|host [^ ]{1,80} blocked|blocked - see|said: 5\d\d blocked
    """,
    sender=r"""
        sender'?s? (?:address|domain|e-?mail|verif|reject|is\b|denied|blocked|not|id|unknown)
        sender'?s? (?:host|ip|mta|mail|server|policy|name|lookup|callout|user|does)
        (?:invalid|unknown|bad|bogus|empty|unroutable|unverified|forged|illegal) (?:envelope )?(?:sender|mail from|return[- ]path)
        domain of (?:the )?sender|your (?:sender|e-?mail address|domain|envelope sender|from)\b
        verif(?:y|ied|ication)[^.]{0,40}(?:sender|fail|return)|mail from (?:not|command|address|domain)
        from:? (?:address|domain|header)|null sender|<>|batv|backscatter|third-?party dsn|emetteur|expediteur|absender
        envelope (?:from|sender|blocked)|returned mail not accepted|bounces? (?:not|are|is) |no bounces|bouncedeny|remitente
        remetente|mittente|pengirim|nadawc|отправител|送信者|发件人|寄件|does not accept mail from
        not accept(?:ing|ed)? (?:any )?(?:e-?mail|mail|connections?|messages?) from
        mail from [^.]{0,60}(?:refused|rejected|denied)|purported responsible
    """,
    authentication=r"""
        \bspf\b|\bdkim|\bdmarc|\barc\b|sender policy|sender-?id\b|authenticat|\bptr\b|(?:reverse|r)[- ]?dns
        reverse (?:lookup|address)|forged|spoof|impersonat|starttls|\btls\b|encrypt|certificate|hostname|fully[- ]qualified
        helo\b|ehlo\b|no access from|resolve your|name lookup failed|generic dns|dynamic (?:ip|host|pool)
        your (?:ip|host|server|network|isp|mail server)|open proxy|(?:client|sending) (?:host|ip|mta|server)|identification
    """,
    relay=r"""
        relay(?:ing)? (?:access )?(?:is )?(?:denied|not|prohibit|disallow|reject|mail|for)|unable to relay
        (?:to|no|cannot|can not|can't|not) relay\b|open relay|as a relay|relay operation|allowed rcpthosts?|rcpthosts
        not (?:a )?gateway|handle mail for|(?:not|n't) (?:configured )?(?:to )?(?:accept|receive|handle)[^.]{0,20}mail for
        not local host|third[- ]party (?:mail|relay)|weiterleit|use your isp|not a registered gateway
    """,
    loop=r"""
        \bloop|too many hops|hop count|expanded too deep|mail exchanger[^.]{0,40}itself
    """,
    rate=r"""
        rate[- ]?limit|ratelimit|throttl|too (?:many|fast|quickly|often|much mail)|trop de|zu viele|demasiad|terlalu banyak
        slow(?:er| down)|gr[ea]y-?list|back ?off|concurren|per (?:hour|minute|day|second)|volume
        receiving (?:e-?mail|mail) (?:at|too)|connection limit|session limit|sending limit|limit (?:for|of|on|per)
        message threshold|numerous attempts
    """,
    temporary=r"""
        temporar|temporair|vorubergehend|sementara|tymczasow|временн|later|try(?:ing)? again|retry(?:ing)? (?:in|after|your)
        deferr|delayed|come back|please wait|busy|overload|congest|coba lagi|unavailable at this time|not responding|down for
    """,
    too_large=r"""
        (?:message|mail|size|attachment|content|data|file)[^.]{0,40}(?:too (?:big|large|long)|exceeds?)
        (?:message|mail|size|attachment|content|data|file)[^.]{0,40}(?:exceeded|larger than|over the limit)|too (?:big|large)
        size limit|(?:maximum|max\.?) (?:message |mail |allowed |permitted )?size|fixed (?:limit|maximum)|length exceeds
        line limit|zu gross|trop (?:grand|gros|volumineux)|taille (?:limite|maxi)|demasiado grande|muito grande|terlalu besar
        大きすぎ|过大|過大
    """,
)

# Said of the address, plainly.
HARD = _table(
    moved=r"""
        \b{WHO}\b[^.;:]{0,60}(?:has|have) (?:been )?(?:moved|left|replaced by|retired|resigned)|moved permanently|replaced by @
        \b{WHO}\b[^.;:]{0,60}no longer (?:active|at|in use|exists?|available|valid|employed|works?|with|on (?:the )?server)
        \b{WHO}\b[^.;:]{0,60}no longer (?:accepts mail(?! from)|being used|used|receives|a (?:user|customer|valid))
        (?:address|mailbox|account)[^.]{0,30}(?:was|been|is) (?:deleted|removed)|(?:user|recipient) no longer on
        nicht mehr (?:gultig|vorhanden|aktiv)|n'est plus|ya no existe|nao existe mais|sudah tidak|tidak lagi
    """,
    host_unknown=r"""
        host unknown|unknown (?:host|domain)
        (?:host|domain)(?: or domain)?(?: names?)?[^.:;<>]{0,40}(?:not found|not exist|n't exist)
        (?:host|domain)(?: or domain)?(?: names?)?[^.:;<>]{0,40}(?:is unknown|can't be found|could not be found)
        no such (?:host|domain)|name or service not known|nxdomain|unrouteable address|unroutable address
        recipient domain must exist|couldn'?t find any host|couldn'?t find a mail exchanger|non-?existent (?:domain|host)
        no mx record|mail domain mentioned[^.]{0,40}unknown|null ?mx
        (?:host|domain)[^.]{0,20} (?:does not|doesn't) accept (?:e-?)?mail|bad destination (?:system|host)|domain n'existe
        (?:dominio|domain)[^.:;]{0,30}(?:no existe|nao existe|tidak ditemukan)|name server: \.?: host|not our customer
    """,
    user_unknown=r"""
        \b{WHO}\b[^.;:]{0,70}?\b(?:unknown|does ?n[o']?t exists?|do(?:es)? not exist)
        \b{WHO}\b[^.;:]{0,70}?\b(?:not exists?|not (?:be )?(?:found|located)|not known)
        \b{WHO}\b[^.;:]{0,70}?\b(?:non-?existent|is not recogni[sz]ed|not recogni[sz]ed)
        \b{WHO}\b[^.;:]{0,70}?\b(?:could ?n[o']t (?:be )?f(?:ound|ind)|wasn't found)
        \b{WHO}\b(?: @)?(?: is| was| are)? (?:invalid\b|not (?:a |our )?(?:known|valid|registered|listed|defined|present))
        \b{WHO}\b [^ ]{1,60} (?:is |was )?(?:invalid\b|not (?:a |our )?(?:known|valid|registered|listed|defined|present))
        (?:unknown|no such|non-?existent|invalid|bad|illegal|incorrect|unrecogni[sz]ed|undefined)[- ]{KIND}{BOXER}\b
        (?:not a (?:valid|known)|no valid|no mail) {KIND}{BOXER}\b
        no (?:mailbox|mail ?box|account|user|one|person)[^.;]{0,20}\b(?:by that name|by this name|at this address)
        no (?:mailbox|mail ?box|account|user|one|person)[^.;]{0,20}\b(?:here|found|available for this user|with (?:that|this))
        there is no (?:user|account|mailbox|one|such)|no such (?:person|user)|no [^ ]{1,60} in name directory
        (?:user|account|name)[^.;:]{0,80}not listed in|not listed in (?:public|domino|the)|no matches to nameserver query
        ディレクトリのリストにありません|invalid final delivery userid
        badrcptto|bad_recipient|bad[- ]recipient|(?:not )?in my validrcptto|addressee unknown|unknown addressee
        does(?: not|n't) have an? [^.]{0,40}account
        not (?:an?|one of our) (?:valid |known |active |defined |registered )?(?:address|user|mailbox|recipient|e-?mail users?)\b
        not [^ ]{1,20} e-?mail users?
        couldn't be found|was not found (?:at|in|on)|wasn't found (?:at|in|on)|resolver\.adr\.(?:ex)?(?:recip|inv)
        recip(?:ient)?notfound|recipient not ok|not present in directory|missing home directory
        address (?:is )?(?:wrong|incorrect|unknown)|bad destination mailbox|not an active address|who are you looking for
        envelope recipient (?:is in my badrcptto|has been denied)
        (?:empfanger|adresse|benutzer|postfach|konto)[^.]{0,60}(?:unbekannt|nicht gefunden|existiert nicht)
        (?:empfanger|adresse|benutzer|postfach|konto)[^.]{0,60}(?:nicht vorhanden|ungultig|nicht bekannt)
        unbekannte[rsn]? (?:empfanger|benutzer|adresse)|kein(?:en|e)? (?:benutzer|postfach|empfanger)
        nicht zugestellt[^.]{0,40}adresse nicht
        (?:utilisateur|destinataire|adresse|compte|boite)[^.]{0,90}(?:inconnu|n'existe pas|introuvable)
        (?:utilisateur|destinataire|adresse|compte|boite)[^.]{0,90}(?:non trouve|invalide|inexistant|non recense)
        (?:destinataire|utilisateur) inexistant
        (?:usuario|destinatario|direccion|cuenta)[^.]{0,60}(?:desconocid|desconhecid|no existe|nao existe|inexistente)
        (?:buzon|endereco|conta|caixa|utilizador)[^.]{0,60}(?:desconocid|desconhecid|no existe|nao existe|inexistente)
        (?:usuario|destinatario|direccion|cuenta)[^.]{0,60}(?:no encontrad|nao (?:foi )?encontrad)
        (?:buzon|endereco|conta|caixa|utilizador)[^.]{0,60}(?:no encontrad|nao (?:foi )?encontrad)
        (?:usuario|destinatario|direccion|cuenta)[^.]{0,60}(?:invalid|no se (?:ha )?encontr|nao localizad)
        (?:buzon|endereco|conta|caixa|utilizador)[^.]{0,60}(?:invalid|no se (?:ha )?encontr|nao localizad)
        no existe (?:ese|el|la|dicha|tal|este)? ?(?:usuario|persona|cuenta|buzon|destinatario)
        (?:utente|destinatario|indirizzo|casella)[^.]{0,60}(?:sconosciut|non esiste|inesistente|non trovat|non valid)
        nessun utente|(?:pengguna|penerima|alamat)[^.]{0,60}(?:tidak (?:dikenal|ditemukan|ada|terdaftar|valid)|salah)
        (?:akun|kotak (?:surat|masuk|pos)|pemakai)[^.]{0,60}(?:tidak (?:dikenal|ditemukan|ada|terdaftar|valid)|salah)
        tidak ada (?:pengguna|akun|kotak)
        (?:odbiorca|uzytkownik|adres|konto|skrzynka)[^.]{0,60}(?:nie istnieje|nieznan|nie znaleziono)|nie ma takiego
        (?:пользовател|получател|адрес|ящик|аккаунт)[^.]{0,60}(?:не существует|не найден|неизвест|не зарегистр)|нет такого
        такой пользователь не|(?:ユーザ|宛先|あて先|アドレス|メールボックス|受信者)[^。]{0,40}(?:存在し|見つか|みつか|不明|ありません)
        (?:用户|用戶|收件人|地址|邮箱|郵箱|帐号|账号|帳號|使用者|信箱)[^。]{0,20}(?:不存在|未找到|找不到|不明)|不存在的?(?:用户|邮箱|收件人)|无此用户|查无此
        (?:사용자|수신자|계정|주소)[^.]{0,20}(?:존재하지|찾을 수 없|없는)|khong ton tai
        (?:kullanici|alici|adres)[^.]{0,40}(?:bulunamadi|bilinmiyor)|onbekende? (?:gebruiker|ontvanger)
        (?:gebruiker|ontvanger|adres)[^.]{0,40}(?:bestaat niet|niet gevonden|onbekend)|gick inte att hitta
        (?:mottagare|adress|anvandare)[^.]{0,40}(?:finns inte|hittades inte|okand)|findes ikke|finnes ikke|ukendt|ukjent
        ei loydy|neexistuj|neznam|neeksiste|nav atrasts
    """,
)

# What may be said of a missing mailbox as well as of one that will not have us: it takes the moment, or the status, to tell.
EITHER = _table(
    user_unknown=r"""
        mailbox (?:is )?(?:currently )?(?:unavailable|not available|unavaiable)|(?:recipient|account) (?:is )?unavailable
        (?:recipient|account|user) (?:is )?not available|undeliverable address|unable to deliver to|konto niedostepne
        no valid recipients
    """,
    recipient_rejected=r"""
        recipients? (?:address(?:es)? )?(?:rejected|is not accepted|not accepted|denied|refused)|address(?:es)? rejected
        recipient refuses|(?:server )?rejected recipients?|not (?:a )?local|is not local
        recipients? (?:was|were) undeliverable|failed recipient|can't accept user|relay not ok
    """,
)

# Vague words about us, the mail or the way there: they count when nothing plainer is said of the address.
VAGUE = _table(
    policy=r"""
        polic(?:y|ies)|administrat|prohibit|not (?:been )?(?:authori[sz]ed|permitted|allowed)|unauthori[sz]ed|not authori[sz]
        permission|access (?:is |was )?(?:denied|refused)|access control|forbidden|go away|organi[sz]ation|restrict|security
        richtlinie|kebijakan|ditolak|politica
    """,
    content=r"""
        attachment|(?:message|mail|content)[^.]{0,30}(?:filter|reject|refus|denied|declin|block|not accept|discard)
        content[^.]{0,30}(?:violat|unaccept)|mime|8-?bit|invalid header|header (?:error|size|are)|base64|malformed|improper
        rfc ?-?(?:\d{3,4}|compli)|illegal|conversion|without to:|recurrent pattern
    """,
    expired=r"""
        timed? ?-?out|expired|could not be delivered (?:for|within|after)
        (?:been )?(?:in (?:the )?queue|failing) (?:too |for )|queue(?: \w+)? (?:too long|lifetime|expir|period)
        not (?:yet )?been delivered|delivery attempts?|maximum (?:delivery )?(?:attempts|retries|time)|multiple (?:re)?tries
        unable to deliver[^.]{0,30}after|retry (?:time|limit|period)|not been collected|no answer|did not respond
        unzustellbar nach|undeliverable after|too old|gave up|exceeded maximum|failed \d+ attempts?|not reachable within
        is not responding
    """,
    network=r"""
        connection[^.]{0,20}(?:refused|reset|timed|dropped|closed|lost|failed|was|aborted|broken)
        (?:could not|unable to|cannot)(?: establish an smtp)? ?(?:connect|connection|reach|contact)
        (?:can't|couldn't|failed to|wasn't able to)(?: establish an smtp)? ?(?:connect|connection|reach|contact)
        (?:could not|unable to|cannot)(?: establish an smtp)? ?(?:resolve|locate|look|find (?:a gateway|route))
        (?:can't|couldn't|failed to|wasn't able to)(?: establish an smtp)? ?(?:resolve|locate|look|find (?:a gateway|route))
        no route|network|unreachable|not reachable|dns (?:error|fail|lookup|problem|query|server|records)|name ?server
        name lookup|lookup (?:fail|error)|host not found|mx (?:lookup|record|loop)|unrouteable mail domain
        domain is not reachable|failed to deliver to domain|socket|routing
    """,
    system=r"""
        system (?:error|config|resource|problem|failure|is|full)|configur|internal|local (?:error|problem)|insufficient
        service[^.]{0,20}(?:unavailable|not available|refused)|server (?:error|unavailable|too|could not)|resources?
        queue file|can'?t create|(?:cannot|can't|could not|unable to) (?:open|create|append|write|lock|load)|i/o error
        error (?:writing|reading|processing|encountered|in)|command (?:died|failed|output)|pipe|transaction failed
        software error|read-only|exit (?:code|status)|unknown mailer error|mailer error|mail system|local delivery|x-unix
        deliver(?:y)? (?:error|failed: )|procmail|maildrop|child|aliasing|processed|program failure
    """,
    syntax=r"""
        syntax|bad sequence|command (?:not|unrecogni[sz]ed|parameter)|unrecogni[sz]ed command|not implemented|protocol
        need (?:mail|rcpt)|bad command|parameters? not|unsupported
    """,
    refused=r"""
        reject|refus|denied|declin|block|not accept|unacceptable|disallow|discard|zuruckgewiesen|abgelehnt|abgewiesen|rechaz
        rejeit|recusad|rifiut|odrzuc|отклон|отказ|拒否|拒绝|拒絕
    """,
)

# Said in every bounce of a kind, whatever the reason: removed before anything is looked for.
SET_PHRASES = any_of(
    r"""
    it was rejected by the (?:recipient domain|server for the recipient domain)|we recommend contacting[^.]{0,120}
    software like listserv[^.;]{0,120}|(?:please )?(?:double-?)?check(?:ing)? (?:the|that)[^.]{0,80}address[^.]{0,60}
    the (?:e-?mail|message) system was unable to deliver[^.]{0,80}but did not report a specific reason
    for further (?:assistance|information)[^.]{0,160}|this is a permanent error|transcript of session
    this message was created automatically[^.]{0,60}
    delivery to the following recipients? (?:has )?(?:been )?failed(?: permanently)?
    the following addresses had permanent fatal errors|permanent fatal errors
    your message (?:was not delivered|did not reach) (?:to )?(?:some or all of )?the (?:intended )?(?:following )?recipients?
    """
)
# Said by a server of its own directory: it needs no status and no moment beside it.
SURE = any_of(
    r"""
    not listed in|in name directory|resolver\.adr|no mailbox here by that name|recipient name is not recogni[sz]ed
    invalid final delivery userid|no matches to nameserver query|ディレクトリのリストにありません
    """
)
ACCESS_DENIED = re.compile(r"recipient address rejected: access denied")

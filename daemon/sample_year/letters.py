"""The mailings of the sample year: written by the manager, approved by the owner, handed out.

Each leaves a fifth of those it might go to without it, so that what it brought can be read later.
They are exported for a gateway of the shop's; nothing is sent.
"""

import msgspec

from daemon.app.parts import Parts
from daemon.mailing.mailing_terms import (
    AudienceSaved,
    AudienceTerms,
    ChangeTerms,
    DraftTerms,
    ExportTerms,
    MailingDone,
    Texts,
    TextTerms,
)
from daemon.sample_year.drawn_people import DAYS, MANAGER, OWNER
from daemon.sample_year.requests import request_key

CONTROL_PERCENT, COST = 20, 85
"""Who is left out, and what a part of a text message costs, in minor units."""
SENT_ON = {
    DAYS - 120: ("winter", "Hello {first_name}, new coffees are here. Your {shop}"),
    DAYS - 45: ("autumn", "{first_name}, {balance.bonus} wait for you until the end of the year."),
}
"""By day of the year: a name, and what is said."""


async def write_letters(parts: Parts, number: int) -> None:
    """Write, approve and hand out the mailing of a day of the year, if it has one."""
    if number not in SENT_ON:
        return
    name, text = SENT_ON[number]
    desk, exports = parts.mailing.desk, parts.mailing.exports
    chosen = AudienceTerms(
        request_id=f"year-{name}-audience",
        title=f"Everybody, {name}",
        report="activity",
        everybody=True,
        frozen=True,
        by=MANAGER,
    )
    key = request_key("mailing.audience", chosen.request_id)
    told = await desk.audiences.save(key, chosen, lambda report, filters: filters)
    audience = msgspec.json.decode(told, type=AudienceSaved).audience
    draft = DraftTerms(
        request_id=f"year-{name}-draft",
        channel="sms",
        audience=audience,
        texts=Texts(en=TextTerms(text=text)),
        control_percent=CONTROL_PERCENT,
        cost=COST,
        by=MANAGER,
    )
    told = await desk.draft(request_key("mailing.draft", draft.request_id), draft)
    mailing = msgspec.json.decode(told, type=MailingDone).mailing
    check = ChangeTerms(request_id=f"year-{name}-check", mailing=mailing, by=MANAGER)
    await desk.check(request_key("mailing.check", check.request_id), check)
    approve = ChangeTerms(request_id=f"year-{name}-approve", mailing=mailing, by=OWNER)
    await desk.approve(request_key("mailing.approve", approve.request_id), approve)
    export = ExportTerms(
        request_id=f"year-{name}-export", mailing=mailing, format="turbosms", by=MANAGER
    )
    await exports.export(request_key("mailing.export", export.request_id), export)

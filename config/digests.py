"""Templates of digests: which variant of one speaks for a message and what it may show; and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator

from config.draft import Draft, Part
from config.models import Campaign, Category, Rules
from config.problems import Problem, suggest
from config.source import Path
from config.templates import Template, Variant, strings
from config.templating import DIGEST_KEYS, TemplateError, uses


def digest_variant(template: Template, own: Variant, channel: str) -> Variant | None:
    """The variant of a digest that speaks on a channel to whom a message's own variant is for; None when there is none."""
    return next((one for one in template.variants if channel in one.channels and one.covers(own)), None)


def digest_of(draft: Draft, campaign: Campaign) -> Part[Template] | None:
    """The template of the digest that messages of a campaign may carry."""
    category = draft.rules.value.categories.get(campaign.category) if draft.rules else None
    return draft.templates.get(category.digest.template) if category and category.digest else None


def check_digests(draft: Draft) -> None:
    """Add to the draft's problems what is wrong with digests, and with texts that would show one."""
    used: set[str] = set()
    for name, category in draft.rules.value.categories.items() if draft.rules else ():
        if draft.rules and category.digest:
            used.add(category.digest.template)
            _digest(draft, draft.rules, name, category)
    for template in draft.templates.values():
        draft.problems.extend(_shown(template, used))
    for campaign in draft.campaigns.values():
        if campaign.value.template in used and campaign.value.template in draft.templates:
            message = f'template "{campaign.value.template}" is the digest of a category; give the campaign a template of its own'
            draft.problems.append(campaign.source.problem(("template",), message))


def _digest(draft: Draft, rules: Part[Rules], name: str, category: Category) -> None:
    path: Path = ("categories", name, "digest", "template")
    if category.digest is None or not draft.known("template", category.digest.template, rules.source, path):
        return
    digest, campaigns = draft.templates.get(category.digest.template), _campaigns(draft, name)
    if digest is None or not campaigns:
        return
    spoken = {channel for variant in digest.value.variants for channel in variant.channels}
    asked = {channel for campaign in campaigns for channel in campaign.channels.names}
    if not spoken & asked:
        message = (
            f'template "{digest.value.template}" speaks on {", ".join(sorted(spoken))}, and campaigns of category "{name}" go by '
            f"{', '.join(sorted(asked))}: nothing would ever be merged; add one of these"
        )
        draft.problems.append(rules.source.problem(path, message))
    for campaign in campaigns:
        if campaign.template in draft.templates:
            draft.problems.extend(_silences(campaign, draft.templates[campaign.template], digest, spoken))


def _campaigns(draft: Draft, category: str) -> list[Campaign]:
    return [part.value for part in draft.campaigns.values() if part.value.category == category]


def _silences(campaign: Campaign, own: Part[Template], digest: Part[Template], spoken: set[str]) -> Iterator[Problem]:
    """Variants of a campaign whose readers the digest has no words for, on channels where it has some for others."""
    for index, variant in enumerate(own.value.variants):
        for channel in campaign.channels.names:
            if channel in spoken & variant.channels.keys() and digest_variant(digest.value, variant, channel) is None:
                named = (("segment", variant.segment), ("locale", variant.locale))
                whom = " and ".join(f'{word} "{value}"' for word, value in named if value)
                place = own.source.mark(("variants", index))
                yield digest.source.problem(
                    ("variants",),
                    f"this digest has no {channel} for {whom or 'everybody'}, for whom {own.source.file}:{place.line} has one; "
                    "add a variant for them, or one without segment and locale",
                    key=True,
                )


def _shown(template: Part[Template], digests: set[str]) -> Iterator[Problem]:
    for path, text in strings(template.source, ("variants",)):
        try:
            names = uses(text).names
        except TemplateError:
            continue  # told when the template was read
        for dotted, offset in names.items():
            group, _, key = dotted.partition(".")
            if message := _fault(group, key, digest=template.value.template in digests):
                yield template.source.problem(path, f"{dotted}: {message}", offset=offset)


def _fault(group: str, key: str, *, digest: bool) -> str | None:
    if group == "event" and digest:
        return "a digest is about several messages and has no event; show digest.titles or digest.lines"
    if group != "digest":
        return None
    if not digest:
        return "only the template of a digest has it (rules.yaml: categories.<name>.digest.template)"
    return None if key in DIGEST_KEYS else f'a digest has no "{key}"{suggest(key, DIGEST_KEYS)}'

"""Texts that are in order and speak to the wrong person: kamu to those who are Anda, Indonesian to those who read English."""

from __future__ import annotations

from collections.abc import Iterator

from config.audiences import Segments, Way, first_in, possible, speaks, ways
from config.conditions import Column
from config.draft import Draft, Part
from config.models import Campaign, Rules, Tone
from config.problems import Problem
from config.reach import compared_with
from config.source import Path
from config.templates import Template, Variant, strings
from config.tone import addresses

HOME = "id"  # the language of a variant that names none
# What a text is not read in: it is followed, looked up or sent back.
_NOT_PROSE = frozenset({"id", "name", "kind", "layout", "trigger", "language", "value", "image", "link", "header_image"})


def warn_speech(draft: Draft, rules: Rules) -> None:
    """Add to the warnings of a draft without problems."""
    segments = draft.conditions
    for template in draft.templates.values():
        campaigns = [part.value for part in draft.campaigns.values() if _uses(part.value, template.value, rules)]
        draft.warnings.extend(_tones(template, campaigns, segments, rules))
    for part in draft.campaigns.values():
        draft.warnings.extend(_languages(part, draft.templates[part.value.template].value, segments))


def _uses(campaign: Campaign, template: Template, rules: Rules) -> bool:
    digest = rules.categories[campaign.category].digest
    return template.template in (campaign.template, digest.template if digest else None)


def _tones(part: Part[Template], campaigns: list[Campaign], segments: Segments, rules: Rules) -> Iterator[Problem]:
    for index, variant in enumerate(part.value.variants):
        if variant.tone == "free" or variant.locale not in (None, HOME) or not rules.tone:
            continue
        for channel in variant.channels:
            readers = dict(_readers(part.value, index, channel, campaigns, segments, rules))
            for path, text in strings(part.source, ("variants", index, channel)):
                if not _NOT_PROSE.intersection(path[3:]):
                    yield from _misspoken(part, path, text, readers, rules)


def _misspoken(part: Part[Template], path: Path, text: str, readers: dict[str, str], rules: Rules) -> Iterator[Problem]:
    """One for each segment that would read the wrong word, at the first such word of a text."""
    for segment, how in readers.items():
        wanted = rules.tone[segment]
        wrong = next((found for found in addresses(text) if found.tone != wanted), None)
        if wrong:
            message = (
                f'"{wrong.word}" says {_SHOWN[wrong.tone]}; {how}, whom rules.yaml addresses as {_SHOWN[wanted]}; '
                "rewrite it, or write `tone: free` on this variant"
            )
            yield part.source.problem(path, message, offset=wrong.offset).as_warning()


_SHOWN: dict[Tone, str] = {"anda": "Anda", "kamu": "kamu"}


def _readers(
    template: Template, index: int, channel: str, campaigns: list[Campaign], segments: Segments, rules: Rules
) -> Iterator[tuple[str, str]]:
    """Segments with a tone whose people may get a variant, and how that comes about."""
    variant = template.variants[index]
    if variant.segment and variant.segment in rules.tone:
        yield variant.segment, f"this is for {variant.segment}"
        return
    left = _left_over(template, index, channel, segments)
    for segment, of_segment in first_in(rules.tone, segments).items():
        for campaign in campaigns:
            if segment is None or channel not in campaign.channels.names:
                continue
            if possible(ways(campaign.audience, segments), left, of_segment, speaks(HOME)):
                yield segment, f'in campaign "{campaign.campaign}" {segment} get this'
                break


def _left_over(template: Template, index: int, channel: str, segments: Segments) -> Way:
    """Who gets a variant in the home language: those it is for, whom no variant above it fits."""
    variant = template.variants[index]
    above = [one for one in template.variants[:index] if channel in one.channels and one.locale in (None, HOME) and one.segment]
    mine = (segments[variant.segment],) if variant.segment else ()
    return Way(mine, tuple(segments[one.segment] for one in above if one.segment))


def _languages(part: Part[Campaign], template: Template, segments: Segments) -> Iterator[Problem]:
    """Languages that segments tell apart, which the audience can hold and the template does not speak."""
    campaign = part.value
    known = {str(value) for one in segments.values() for value in compared_with(one, Column("locale"))}
    for locale in sorted(known - {HOME}):
        lacking = [channel for channel in campaign.channels.names if _unheard(campaign, template.variants, locale, channel, segments)]
        if lacking:
            message = (
                f'template "{template.template}" has no {" and ".join(lacking)} in "{locale}" for all of this audience; those who read it '
                f"get another language; add a variant with `locale: {locale}`"
            )
            yield part.source.problem(("template",), message).as_warning()


def _unheard(campaign: Campaign, variants: tuple[Variant, ...], locale: str, channel: str, segments: Segments) -> bool:
    """Can somebody in the audience read this language and find no variant in it?"""
    spoken = [one for one in variants if channel in one.channels and one.locale == locale]
    if any(one.segment is None for one in spoken):
        return False
    others = Way((), tuple(segments[one.segment] for one in spoken if one.segment))
    return possible(ways(campaign.audience, segments), others, speaks(locale))

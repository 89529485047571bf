"""What a distributor must be like. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from email_validator import EmailNotValidError, validate_email

from core.cache.distributor_rows import Article, CustomerNumber, Distributor
from core.cases.order_texts import SAMPLE
from core.cases.templates import TemplateFault, need_template
from core.name_key import plain
from core.problems import Problem
from core.tenants.chosen_names import name_fault
from core.text_files import shown
from core.texts import languages

HOW = ("mail", "file", "webhook")
LONGEST_ADDRESS, LONGEST_VALUE, LONGEST_ARTICLE = 254, 60, 100
MOST_ARTICLES, LARGEST_PACKAGE = 2_000, 10_000
MOST_DAYS = 365


def faults_of(distributor: Distributor, webhooks: Collection[str]) -> dict[str, Problem]:
    """Return the faults of a distributor (`cleaned`): field -> its first problem; `webhooks` are ids of channels."""
    return dict(reversed(list(_faults(distributor, webhooks))))


def _faults(distributor: Distributor, webhooks: Collection[str]) -> Iterator[tuple[str, Problem]]:
    if problem := name_fault(distributor.name):
        yield "name", problem
    if distributor.how not in HOW:
        yield "how", Problem("distributor.how_unknown", {"value": shown(distributor.how), "values": ", ".join(HOW)})
    yield from _way_faults(distributor, webhooks)
    if distributor.language not in languages():
        yield "language", Problem("distributor.language", {"value": shown(distributor.language)})
    for field in ("subject", "body"):
        yield from _template_faults(distributor, field)
    if not 1 <= distributor.delivery_days <= MOST_DAYS:
        yield "delivery_days", Problem("distributor.days", {"most": str(MOST_DAYS)})
    if len(distributor.cost_centre) > LONGEST_VALUE:
        yield "cost_centre", Problem("distributor.too_long", {"most": str(LONGEST_VALUE)})
    yield from _article_faults(distributor)


def _way_faults(distributor: Distributor, webhooks: Collection[str]) -> Iterator[tuple[str, Problem]]:
    """Yield what is wrong with where the orders go."""
    if distributor.how == "webhook" and distributor.channel_id not in webhooks:
        yield "channel_id", Problem("distributor.channel_missing")
    if distributor.how == "mail" and not distributor.address:
        yield "address", Problem("distributor.address_missing")
    elif distributor.address and (len(distributor.address) > LONGEST_ADDRESS or not is_address(distributor.address)):
        yield "address", Problem("distributor.no_address", {"value": shown(distributor.address)})


def is_address(text: str) -> bool:
    """Return True if the text is an address of e-mail."""
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _template_faults(distributor: Distributor, field: str) -> Iterator[tuple[str, Problem]]:
    template = getattr(distributor, field)
    try:
        need_template(template, SAMPLE)
    except TemplateFault as fault:
        yield field, fault.problem
        return
    if distributor.how == "mail" and not template.strip():
        yield field, Problem("distributor.template_missing")
    elif field == "subject" and "\n" in template.strip():
        yield field, Problem("distributor.subject_lines")


def _article_faults(distributor: Distributor) -> Iterator[tuple[str, Problem]]:
    if len(distributor.articles) > MOST_ARTICLES:
        yield "articles", Problem("distributor.articles_many", {"most": str(MOST_ARTICLES)})
    for sku_part_number, article in distributor.articles.items():
        params = {"sku": shown(sku_part_number), "most": str(LARGEST_PACKAGE)}
        if not sku_part_number or not article.number:
            yield "articles", Problem("distributor.article_missing", params)
        elif max(len(article.number), len(sku_part_number)) > LONGEST_ARTICLE:
            yield "articles", Problem("distributor.article_long", params | {"most": str(LONGEST_ARTICLE)})
        elif type(article.package) is not int or not 1 <= article.package <= LARGEST_PACKAGE:
            yield "articles", Problem("distributor.package", params)


def need_number(number: CustomerNumber, *, known: bool) -> Problem | None:
    """Return the problem of a customer number, None if it can be stored; `known`: the tenant exists."""
    if not known:
        return Problem("distributor.tenant_unknown")
    if max(len(number.customer_number), len(number.cost_centre)) > LONGEST_VALUE:
        return Problem("distributor.too_long", {"most": str(LONGEST_VALUE)})
    return None


def cleaned(distributor: Distributor) -> Distributor:
    """Return the distributor without blanks and signs that nobody sees; what cannot be cleaned stays as it is."""
    articles = {
        plain(sku): Article(plain(article.number), article.package)
        for sku, article in distributor.articles.items()
        if plain(sku) or plain(article.number)
    }
    return replace(
        distributor,
        name=plain(distributor.name),
        address=plain(distributor.address),
        channel_id=distributor.channel_id if distributor.how == "webhook" else "",
        cost_centre=plain(distributor.cost_centre),
        subject=distributor.subject.strip(),
        body=distributor.body.replace("\r\n", "\n"),
        articles=articles,
    )

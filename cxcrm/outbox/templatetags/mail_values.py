"""What the templates of mails say: values in the reader's language, and the editable texts."""

from django import template
from django.template import Context

from cxcrm.base.customer_pages import as_ink, readable_on
from cxcrm.outbox.services.values import (
    day_in_words,
    moment_in_words,
    money_in_words,
    percent_in_words,
)

register = template.Library()

register.filter("day", day_in_words)
register.filter("moment", moment_in_words)
register.filter("money", money_in_words)
register.filter("percent", percent_in_words)
register.filter("as_ink", as_ink)
register.filter("readable_on", readable_on)


@register.simple_tag(takes_context=True)
def wording(context: Context, name: str) -> str:
    """A text of the kind as it is worded for this mail: paragraphs in the HTML part, plain text
    elsewhere; nothing where it is empty."""
    text = context["wording"]
    return text.as_html(name) if context.autoescape else text.as_text(name)

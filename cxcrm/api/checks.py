"""Refuses to start where a key that everybody may know would open the API."""

from collections.abc import Sequence

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from cxcrm.api.models import ApiKey
from cxcrm.api.services import DEMO_PREFIX
from cxcrm.base import clock
from cxcrm.base.checks import is_production


@register(Tags.database)
def check_no_demo_key(app_configs, databases=None, **kwargs) -> Sequence[CheckMessage]:
    """The key of a demo is made from the secret key. Before the first migration nothing can be
    told."""
    if not databases or not is_production():
        return []
    try:
        found = ApiKey.objects.live(clock.now()).filter(prefix=DEMO_PREFIX).exists()
    except DatabaseError:
        return []
    if not found:
        return []
    return [
        Error(
            "This database has the API key of a demo, which stood on an open page.",
            hint="Give production a database of its own, or revoke the key in a demo first.",
            id="cxcrm.E012",
        )
    ]

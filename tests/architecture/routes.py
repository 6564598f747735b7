"""Every route of the URLconf, flattened."""

import re
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver


def all_routes() -> list[str]:
    return sorted(set(_routes(get_resolver())))


def _routes(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from _routes(pattern, route)


def path_of(route: str, ids: dict[str, str]) -> str:
    """A path that the route answers; placeholders take the id of the model named before them."""
    route = route.replace("/^(?P<app_label>users|base|outbox|accounts|api)/$", "/accounts/")
    route = route.replace("/(?P<url>.*)$", "/nowhere").replace("<str:file_type>", "csv")
    route = re.sub(r"\(\?P<pk>[^)]*\)", "1", route).replace("^", "").replace("$", "")
    route = route.replace("<slug:part>", "received")
    route = route.replace("<slug:kind>", "renewal_reminder").replace("<slug:language>", "en")
    model = next((name for name in ids if f"/{name}/" in route), "")
    return re.sub(r"<[^>]+>", lambda _: ids.get(model, "1"), route)

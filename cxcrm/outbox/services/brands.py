"""What the outbox knows of brands, which live above it: what mails say of each."""

from collections.abc import Callable, Sequence

BrandFacts = dict[str, str]

_sources: list[Callable[[], Sequence[BrandFacts]]] = []


def register_brands(brands: Callable[[], Sequence[BrandFacts]]) -> None:
    """Tell who answers the facts of every brand, as mails carry them, in the order of their
    names. The app above does so when it starts."""
    _sources.append(brands)


def brands() -> list[BrandFacts]:
    return [brand for source in _sources for brand in source()]

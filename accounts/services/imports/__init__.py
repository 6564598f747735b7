"""Takes feeds of contracts in: read, mapped, staged, checked, merged."""

from accounts.services.imports.contracts import (
    BrandUnknown,
    ImportIsRunning,
    Progress,
    import_contracts,
)
from accounts.services.imports.files import FeedRefused
from accounts.services.imports.mapping import MappingRefused

__all__ = [
    "BrandUnknown",
    "FeedRefused",
    "ImportIsRunning",
    "MappingRefused",
    "Progress",
    "import_contracts",
]

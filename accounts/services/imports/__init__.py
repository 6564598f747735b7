"""Takes feeds in: read, mapped, staged, checked, merged."""

from accounts.services.imports.fields import Field, fields_of
from accounts.services.imports.files import FeedRefused
from accounts.services.imports.importing import (
    READING,
    BrandUnknown,
    ImportIsRunning,
    Progress,
    import_feed,
)
from accounts.services.imports.mapping import (
    FeedMapping,
    MappingRefused,
    load_mapping,
    parse_mapping,
    shipped_mappings,
)
from accounts.services.imports.previews import (
    FeedPreview,
    FeedSample,
    PreviewRow,
    preview_feed,
    read_sample,
)

__all__ = [
    "READING",
    "BrandUnknown",
    "FeedMapping",
    "FeedPreview",
    "FeedRefused",
    "FeedSample",
    "Field",
    "ImportIsRunning",
    "MappingRefused",
    "PreviewRow",
    "Progress",
    "fields_of",
    "import_feed",
    "load_mapping",
    "parse_mapping",
    "preview_feed",
    "read_sample",
    "shipped_mappings",
]

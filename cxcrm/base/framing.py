from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.views.decorators.clickjacking import xframe_options_sameorigin

_PICTURE = {
    "default-src": [NONE],
    "img-src": [SELF, "data:"],
    "style-src": [UNSAFE_INLINE],
    "form-action": [NONE],
    "base-uri": [NONE],
    "frame-ancestors": [SELF],
}


def shown_in_frame(view):
    """For a view that answers with a mail as it looks: our own pages may frame it, and whatever
    it contains, it runs no script, sends no form and loads nothing from elsewhere."""
    return csp(_PICTURE)(xframe_options_sameorigin(view))

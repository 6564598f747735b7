from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.widgets import UnfoldAdminColorInputWidget

from accounts.admin.changes import TrackedAdmin
from accounts.models import Brand, Product


@admin.register(Brand)
class BrandAdmin(TrackedAdmin):
    list_display = ("name", "code", "base_url", "sender_address", "service_phone")
    search_fields = ("name", "code")
    fieldsets = (
        (None, {"fields": (("name", "code"), ("legal_name", "base_url"), "imprint")}),
        (
            _("Mail"),
            {
                "fields": (
                    ("sender_name", "sender_address"),
                    ("service_address", "service_phone"),
                    "accent_colour",
                )
            },
        ),
    )

    def formfield_for_dbfield(self, db_field, request: HttpRequest, **kwargs):
        if db_field.name == "accent_colour":
            kwargs["widget"] = UnfoldAdminColorInputWidget
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(Product)
class ProductAdmin(TrackedAdmin):
    list_display = ("name", "code", "family", "brand")
    list_select_related = ("brand",)
    list_filter = (("brand", RelatedDropdownFilter),)
    search_fields = ("name", "code", "family")
    fields = ("brand", ("name", "code"), "family")

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple:
        """Contracts of one brand do not become another's."""
        return ("brand",) if obj else ()

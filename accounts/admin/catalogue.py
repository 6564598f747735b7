from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import localize
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminColorInputWidget

from accounts.admin.changes import TrackedAdmin
from accounts.forms.prices import ProductForm
from accounts.models import Brand, Product
from accounts.services.products import keep_product
from cxcrm.base.admin import ListView


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


class FamilyFilter(DropdownFilter):
    title = _("family")
    parameter_name = "family"

    def lookups(self, request: HttpRequest, model_admin) -> list[tuple]:
        families = Product.objects.order_by("family").values_list("family", flat=True).distinct()
        return [(family, family) for family in families]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:
        return queryset.filter(family=self.value()) if self.value() else queryset


@admin.register(Product)
class ProductAdmin(TrackedAdmin):
    form = ProductForm
    views = (
        ListView("all", _("All"), lambda products, request: products),
        ListView(
            "on-offer",
            _("On offer"),
            lambda products, request: products.filter(on_offer=True),
        ),
    )
    list_display = ("name", "code", "family", "brand", "shown_price", "on_offer")
    export_fields = (
        "name",
        "code",
        "family",
        "brand",
        "on_offer",
        "list_price",
        "promotion_price",
        "promotion_months",
        "currency",
        "tax_rate",
        "billing_period_months",
        "first_term_months",
        "after_term",
        "renewal_term_months",
        "notice_months",
        "notice_days",
        "provisioning_hours",
    )
    list_select_related = ("brand",)
    list_filter = (("brand", RelatedDropdownFilter), FamilyFilter)
    search_fields = ("name", "code", "family")
    fieldsets = (
        (None, {"fields": ("brand", ("name", "code"), ("family", "on_offer"))}),
        (
            _("Price"),
            {
                "fields": (
                    ("list_price", "currency"),
                    ("billing_period_months", "tax_rate"),
                    ("promotion_price", "promotion_months"),
                )
            },
        ),
        (
            _("Terms"),
            {
                "fields": (
                    ("first_term_months", "after_term"),
                    ("renewal_term_months", "provisioning_hours"),
                    ("notice_months", "notice_days"),
                )
            },
        ),
    )
    change_form_outer_before_template = "accounts/desk/product.html"

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple:
        """Contracts of one brand do not become another's."""
        return ("brand",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Product, form: ProductForm, change) -> None:
        keep_product(obj)

    @display(description=_("list price"))
    def shown_price(self, product: Product) -> str:
        if product.list_price is None:
            return "–"
        return f"{localize(product.list_price)} {product.currency}"

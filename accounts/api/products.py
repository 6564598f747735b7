"""Products as integrations see them."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.bulk import BulkUpsert
from accounts.api.references import BrandField, BrandFilter
from accounts.enums import ImportKind
from accounts.models import Product
from accounts.services.products import add_product, keep_product, lock_product
from cxcrm.base.rest.filters import ResourceFilterSet
from cxcrm.base.rest.serializers import BodySerializer, Expandable, ResourceSerializer, fill
from cxcrm.base.rest.views import ResourceViewSet
from cxcrm.base.scopes import ResourceGroup

_OFFER = (
    "name",
    "family",
    "on_offer",
    "list_price",
    "promotion_price",
    "promotion_months",
    "tax_rate",
    "currency",
    "billing_period_months",
    "first_term_months",
    "after_term",
    "renewal_term_months",
    "notice_months",
    "notice_days",
    "provisioning_hours",
)


class ProductSerializer(ResourceSerializer):
    brand = serializers.CharField(source="brand.code", help_text="Code of the brand.")

    expandable = {
        "brand": Expandable(
            "brand", "accounts.api.customers.BrandSerializer", ResourceGroup.CUSTOMERS
        ),
    }

    class Meta:
        model = Product
        fields = ("id", "brand", "code", *_OFFER)
        read_only_fields = fields


class ProductChanges(BodySerializer):
    """What of a product may be changed; contracts that run keep their own terms."""

    class Meta:
        model = Product
        fields: tuple[str, ...] = _OFFER


class NewProduct(ProductChanges):
    brand = BrandField(help_text="Code of the brand.")

    class Meta:
        model = Product
        fields = ("brand", "code", *_OFFER)


class ProductFilters(ResourceFilterSet):
    brand = BrandFilter()

    class Meta:
        model = Product
        fields = ("code", "family", "on_offer")


class ProductViewSet(BulkUpsert, ResourceViewSet):
    """What brands sell. Each is known by its brand and code."""

    group = ResourceGroup.PRODUCTS
    bulk_kind = ImportKind.PRODUCTS
    brand_path = "brand"
    serializer_class = ProductSerializer
    filterset_class = ProductFilters

    def get_queryset(self) -> QuerySet[Product]:
        return Product.objects.select_related("brand")

    @extend_schema(request=NewProduct, responses={201: ProductSerializer})
    def create(self, request: Request) -> Response:
        return self.created(self._add())

    @extend_schema(request=ProductChanges, responses={200: ProductSerializer})
    def partial_update(self, request: Request, pk: str) -> Response:
        changes = self.checked(ProductChanges, partial=True)
        return self.change(lambda product: _keep(product, changes), lock=lock_product)

    @extend_schema(
        request=NewProduct(partial=True), responses={200: ProductSerializer, 201: ProductSerializer}
    )
    def upsert(self, request: Request) -> Response:
        said = self.checked(NewProduct, partial=True, needed=("brand", "code"))
        return self.upsert_by(
            brand=said["brand"],
            code=said["code"],
            add=self._add,
            act=lambda product: _keep(product, said),
            lock=lock_product,
        )

    def _add(self) -> Product:
        return add_product(**self.checked(NewProduct))


def _keep(product: Product, said: dict[str, Any]) -> None:
    fill(product, said)
    keep_product(product)

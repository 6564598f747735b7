"""The floor of the API: what Django REST framework does by itself with the same rows. It knows no
keys, no limits and no history, refuses nothing and computes nothing. Of contracts it shows neither
the earliest end nor the cancellation.

As a URLconf it is cxcrm's with `/plain/` beside it.
"""

from django.urls import include, path
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.filters import BaseFilterBackend
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import JSONParser
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import ModelViewSet

from accounts.models import Account, Contract
from cxcrm.urls import urlpatterns as our_urls


class Equals(BaseFilterBackend):
    """What names a field must be equal to it."""

    def filter_queryset(self, request, queryset, view):
        names = {field.name for field in queryset.model._meta.fields}
        asked = request.query_params.dict()
        return queryset.filter(**{name: asked[name] for name in asked.keys() & names})


class ByCursor(CursorPagination):
    page_size = 50

    def get_ordering(self, request, queryset, view):
        return (request.query_params.get("order", "id"),)


class PlainView(ModelViewSet):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    parser_classes = (JSONParser,)
    filter_backends = (Equals,)
    pagination_class = ByCursor
    schema = None


class AccountSerializer(serializers.ModelSerializer):
    brand = serializers.CharField(source="brand.code", read_only=True)
    account_manager = serializers.EmailField(source="account_manager.email", read_only=True)

    class Meta:
        model = Account
        fields = "__all__"


class ContractSerializer(serializers.ModelSerializer):
    brand = serializers.CharField(source="brand.code", read_only=True)
    account_external_id = serializers.CharField(source="account.external_id", read_only=True)
    product_code = serializers.CharField(source="product.code", read_only=True)

    class Meta:
        model = Contract
        fields = "__all__"


class AccountView(PlainView):
    serializer_class = AccountSerializer
    queryset = Account.objects.select_related("brand", "account_manager")


class ContractView(PlainView):
    serializer_class = ContractSerializer
    queryset = Contract.objects.select_related("brand", "account", "product")

    @action(detail=False, methods=["post"])
    def bulk(self, request):
        """Changes them one by one."""
        numbers = [row["external_id"] for row in request.data]
        known = {row.external_id: row for row in self.queryset.filter(external_id__in=numbers)}
        for said in request.data:
            changed = self.get_serializer(known[said["external_id"]], data=said, partial=True)
            changed.is_valid(raise_exception=True)
            changed.save()
        return Response([{"external_id": number} for number in numbers])


router = SimpleRouter()
router.register("accounts", AccountView)
router.register("contracts", ContractView)
urlpatterns = [path("plain/", include(router.urls)), *our_urls]

"""The base of all resources. What is not allowed here is not allowed anywhere."""

from collections.abc import Callable, Collection
from functools import partial
from hashlib import sha256
from typing import Any, ClassVar

import pghistory
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404
from django.utils.functional import cached_property
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from rest_framework import serializers, status
from rest_framework.exceptions import ErrorDetail, MethodNotAllowed
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from cxcrm.base import clock
from cxcrm.base.errors import Taken
from cxcrm.base.links import absolute
from cxcrm.base.rest.errors import LengthRequired, StateChanged
from cxcrm.base.rest.filters import ResourceFilterBackend, check_parameters
from cxcrm.base.rest.once import answer_once
from cxcrm.base.rest.paging import BY_ID, KeysetPagination, Order
from cxcrm.base.rest.permissions import MayUse
from cxcrm.base.rest.serializers import PARAMETERS, ResourceSerializer, Shape, shape_of
from cxcrm.base.scopes import ResourceGroup, Verb
from cxcrm.base.sql.timeouts import stop_statements_after

# Whoever filters by what is rare may ask for more than a page is worth.
LONGEST_READ_SECONDS = 5


class ResourceViewSet(GenericViewSet):
    """One resource: what it is called, who may use it, and which of its rows a key sees.

    `brand_path`: from a row to the id of its brand, for keys that are limited to some; None for
    what belongs to no brand, which only keys for all brands see. `get_queryset` of a subclass
    answers all rows, loaded for the serializer.
    """

    group: ClassVar[ResourceGroup]
    brand_path: ClassVar[str | None]
    serializer_class: type[ResourceSerializer]
    orders: ClassVar[dict[str, Order]] = BY_ID
    order: ClassVar[str] = "id"
    # Actions that take rows in, for which a key needs the scope to import.
    import_actions: ClassVar[frozenset[str]] = frozenset()

    permission_classes = (MayUse,)
    filter_backends = (ResourceFilterBackend,)
    pagination_class = KeysetPagination
    lookup_value_regex = "[0-9]{1,18}"
    # Neither OPTIONS, which would tell of the resource in DRF's words, nor DELETE.
    http_method_names = ("get", "head", "post", "put", "patch")
    # Of a request with a body, exactly as it came; set by the parser.
    body: bytes = b""

    def verb_of(self, request: Request) -> Verb:
        if self.action in self.import_actions:
            return Verb.IMPORT
        return Verb.READ if request.method in SAFE_METHODS else Verb.WRITE

    def perform_authentication(self, request: Request) -> None:
        """A request counts as soon as it is known whose it is: what is refused counts, too."""
        super().perform_authentication(request)
        if request.auth is not None:
            super().check_throttles(request)

    def check_throttles(self, request: Request) -> None:
        """They are asked before the permissions, see above."""

    def check_permissions(self, request: Request) -> None:
        """What nobody can do here is told whoever has a key, before what this key may do."""
        if request.auth is not None and self.action not in self.action_map.values():
            raise MethodNotAllowed(request.method)
        super().check_permissions(request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "Transfer-Encoding" in request.headers:
            raise LengthRequired
        self.at = clock.now()
        if request.method == "POST" and (action := getattr(self, "post", None)):
            # `as_view` has bound it to the action.
            self.post = partial(self._post_once, action)

    def _post_once(self, act: Callable[..., Response], request: Request, *args, **kwargs):
        with self.in_history():
            return answer_once(
                partial(act, request, *args, **kwargs), request, body=self._body(), at=self.at
            )

    def _body(self) -> bytes:
        """The body as it came, also where the action never looks at it."""
        if not self.body:
            self.request.data  # noqa: B018 - the parser keeps it
        return self.body

    def in_history(self) -> Any:
        """What is changed inside is kept as changed by this key."""
        return pghistory.context(user=self.request.user.pk, api_key=self.request.auth.pk)

    def visible(self, rows: QuerySet) -> QuerySet:
        """Those of the rows that the key may know of; all others do not exist for it."""
        brand_ids = self.request.auth.brand_ids
        if brand_ids is None:
            return rows
        if self.brand_path is None:
            return rows.none()
        return rows.filter(**{f"{self.brand_path}__in": brand_ids})

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        return super().filter_queryset(self.visible(queryset))

    def get_object(self) -> Any:
        """The row of the address. Raises Http404, also where the key must not know of it."""
        row = self.visible(self.get_queryset()).filter(pk=int(self.kwargs["pk"])).first()
        if row is None:
            raise Http404
        return row

    @cached_property
    def shape(self) -> Shape:
        return shape_of(self.request, self.serializer_class)

    def shown(self, row: Model) -> dict[str, Any]:
        """The row whole, as answers to writing have it."""
        return self.serializer_class(row, context={"at": self.at}).data

    # --- Reading

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        shape = self.shape
        with transaction.atomic():
            stop_statements_after(seconds=LONGEST_READ_SECONDS)
            rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
            data = self.serializer_class(rows, many=True, context=self._context(shape)).data
        return self.get_paginated_response(data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        check_parameters(request, PARAMETERS)
        shape = self.shape
        row = self.get_object()
        data = self.shown(row)
        etag = etag_of(data)
        known = _tags(request, "If-None-Match", is_weak_enough=True)
        # Of what is expanded it says nothing.
        if not shape.expand and {etag, "*"} & known:
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag})
        if not shape.is_whole:
            data = self.serializer_class(row, context=self._context(shape)).data
        return Response(data, headers={"ETag": etag})

    def _context(self, shape: Shape) -> dict[str, Any]:
        return {"shape": shape, "at": self.at}

    # --- Writing

    def checked(
        self,
        body: type[serializers.Serializer],
        *,
        partial: bool = False,
        needed: Collection[str] = (),
    ) -> dict[str, Any]:
        """The body as it may be handed to a service; where it is `partial`, these are needed
        nevertheless. Raises ValidationError; of a field that is not known, too: whoever mistypes
        one would else believe that it was kept."""
        check_parameters(self.request, ())
        said = self.request.data
        checker = body(data=said, partial=partial, context={"request": self.request})
        if isinstance(said, dict):
            writable = {name for name, field in checker.fields.items() if not field.read_only}
            known = _("There are: %s.") % (", ".join(sorted(writable)) or _("none"))
            faults = {name: ErrorDetail(known, code="unknown") for name in set(said) - writable}
            for name in needed:
                if said.get(name) in (None, ""):
                    message = checker.fields[name].error_messages["required"]
                    faults[name] = ErrorDetail(message, code="required")
            if faults:
                raise serializers.ValidationError(faults)
        checker.is_valid(raise_exception=True)
        return checker.validated_data

    def created(self, row: Model) -> Response:
        """Answers what is new, as it is read again."""
        row = self.get_queryset().get(pk=row.pk)
        location = absolute(self.reverse_action("detail", args=[row.pk], request=None))
        data = self.shown(row)
        headers = {"Location": location, "ETag": etag_of(data)}
        return Response(data, status=status.HTTP_201_CREATED, headers=headers)

    def answered(self, row: Model) -> Response:
        """Answers what has changed, as it is read again."""
        data = self.shown(self.get_queryset().get(pk=row.pk))
        return Response(data, headers={"ETag": etag_of(data)})

    def check_state(self, row: Model) -> None:
        """Raises StateChanged where If-Match names other states than that of the row. Call it
        with the row locked."""
        if "If-Match" not in self.request.headers:
            return
        if not {etag_of(self.shown(row)), "*"} & _tags(self.request, "If-Match"):
            raise StateChanged

    def change(self, act: Callable[[Any], Any], *, lock: Callable[[int], Any]) -> Response:
        """Lock the row of the address, compare its state with If-Match, and act on it."""
        check_parameters(self.request, ())
        with self.in_history(), transaction.atomic():
            return self._changed(self.get_object(), act, lock)

    def upsert_by(
        self,
        *,
        add: Callable[[], Model],
        act: Callable[[Any], Any],
        lock: Callable[[int], Any],
        **natural_key: Any,
    ) -> Response:
        """Act on the row of this key as `change` does; where there is none, add it."""

        @transaction.atomic
        def changed_or_added() -> Response:
            row = self.visible(self.get_queryset()).filter(**natural_key).first()
            if row is not None:
                return self._changed(row, act, lock)
            if "If-Match" in self.request.headers:
                raise StateChanged
            return self.created(add())

        with self.in_history():
            try:
                return changed_or_added()
            except Taken:
                # Somebody has added it since we looked: now it can be seen.
                return changed_or_added()

    def _changed(
        self, row: Model, act: Callable[[Any], Any], lock: Callable[[int], Any]
    ) -> Response:
        lock(row.pk)
        row = self.get_queryset().get(pk=row.pk)
        self.check_state(row)
        act(row)
        return self.answered(row)


def etag_of(data: dict[str, Any]) -> str:
    """Changes with anything that the resource shows."""
    return f'"{sha256(JSONRenderer().render(data)).hexdigest()[:32]}"'


def _tags(request: Request, header: str, *, is_weak_enough: bool = False) -> set[str]:
    """The states that a header names. Weak ones compare in If-None-Match alone (RFC 9110)."""
    tags = parse_etags(request.headers.get(header, ""))
    return {tag.removeprefix("W/") if is_weak_enough else tag for tag in tags}

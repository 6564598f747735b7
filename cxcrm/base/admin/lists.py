from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin import ShowFacets, SimpleListFilter
from django.contrib.admin.checks import ModelAdminChecks
from django.core.paginator import Paginator
from django.db.models import F, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import DropdownFilter
from unfold.dataclasses import ActionDialog
from unfold.forms import BaseDialogForm
from unfold.views import ChangeList

from cxcrm.base.admin.bulk import ActsInBulk
from cxcrm.base.admin.exports import ExportsList
from cxcrm.base.errors import DomainError


class BoundedPaginator(Paginator):
    """Counts and pages no further than `limit` rows: whoever needs more narrows the search."""

    limit = 10_000
    template_name = "base/pagination.html"

    @cached_property
    def _counted(self) -> int:
        return self.object_list.order_by()[: self.limit + 1].count()

    @property
    def count(self) -> int:
        return min(self._counted, self.limit)

    @property
    def exceeds_limit(self) -> bool:
        return self._counted > self.limit


@dataclass(frozen=True)
class ListView:
    """A named part of a list in the order that an index gives: one click, no scan.

    The ordering ends with something unique.
    """

    name: str
    label: str | Promise
    narrow: Callable[[QuerySet, HttpRequest], QuerySet]
    ordering: tuple[str, ...] = ("-id",)


class ListViewFilter(DropdownFilter):
    """Narrows a list to one of its views; the first is shown where none is asked for."""

    title = _("view")
    parameter_name = "show"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: "DeskModelAdmin") -> list[tuple]:
        self.view = model_admin.view_of(request)
        return [(view.name, view.label) for view in model_admin.views]

    def value(self) -> str:
        return self.view.name

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return self.view.narrow(queryset, request)


class DeskChangeList(ChangeList):
    """A list in the order of its view, whatever the address asks for."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list:
        ordering = list(self.model_admin.get_ordering(request))
        if self.query and ordering == ["-id"]:
            # Hits are few. In the order of the primary key the planner would rather walk the
            # whole table to meet the first of them.
            return [(F("id") + 0).desc()]
        return ordering

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # Equal counts keep the theme from writing "N results" where there may be more.
        self.full_result_count = self.result_count
        self.exports = self.model_admin.exports_of(request, self)

    @property
    def views(self) -> list[dict[str, Any]]:
        return [
            {
                "label": label,
                "current": name == spec.value(),
                "url": self.get_query_string({spec.parameter_name: name}),
            }
            for spec in self.filter_specs
            if isinstance(spec, ListViewFilter)
            for name, label in spec.lookup_choices
        ]


class DeskModelAdmin(ExportsList, ActsInBulk, ModelAdmin):
    """A list that reads no more than it shows, and a page whose deeds are services.

    Searches go through the queryset's own `search`, a union of single-index look-ups. Lists are
    narrowed by what they offer and by the fields in `linked_lookups`, and by nothing else
    that a URL may name. Nothing is deleted at the desk.
    """

    # The theme's own look the permissions of actions up in a table; ours are rules.
    checks_class = ModelAdminChecks
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    list_filter_submit = True
    list_before_template = "base/list_views.html"
    sortable_by = ()
    views: tuple[ListView, ...] = ()
    linked_lookups: tuple[str, ...] = ()

    def view_of(self, request: HttpRequest) -> ListView:
        asked = request.GET.get(ListViewFilter.parameter_name)
        return next((view for view in self.views if view.name == asked), self.views[0])

    def get_list_filter(self, request: HttpRequest) -> tuple:
        first = (ListViewFilter,) if self.views else ()
        return (*first, *super().get_list_filter(request))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return self.ordering or (self.view_of(request).ordering if self.views else ("-id",))

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """The page reads the same relations as the list."""
        return super().get_queryset(request).select_related(*(self.list_select_related or ()))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        text = search_term.strip()
        if text and hasattr(queryset, "search"):
            return queryset.search(text), False
        return super().get_search_results(request, queryset, text)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        offered = set(self.linked_lookups)
        for entry in self.get_list_filter(request):
            if isinstance(entry, type) and issubclass(entry, SimpleListFilter):
                offered.add(entry.parameter_name)
            else:
                field, _filter = entry
                offered |= {f"{field}__exact", f"{field}__id__exact"}
        return lookup in offered

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return DeskChangeList

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def act_from_dialog(
        self,
        request: HttpRequest,
        form: BaseDialogForm,
        *,
        object_id: str,
        dialog: ActionDialog,
        act: Callable[[Any], Any],
        done: str | Promise = "",
        leads_to_outcome: bool = False,
        answer: Callable[[Any], HttpResponse] | None = None,
    ) -> HttpResponse:
        """Do what a dialog asked for, to the row of this page.

        A refusal is shown in the dialog, beside its field; else the page comes back with `done`,
        or that of the row which `act` made. What `answer` makes of that goes before.
        """
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        try:
            outcome = act(row)
        except DomainError as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
            return render(
                request,
                "unfold/helpers/dialog.html",
                {"dialog": dialog, "form": form, "form_submit_text": dialog["form_submit_text"]},
            )
        if answer is not None:
            return answer(outcome)
        messages.success(request, done)
        page = redirect(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_change",
            object_id=outcome.pk if leads_to_outcome else row.pk,
        )
        if "HX-Request" in request.headers:
            return HttpResponse(headers={"HX-Redirect": page.url})
        return page


class ReadOnlyAdmin(DeskModelAdmin):
    """Rows that services alone write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

from collections.abc import Collection
from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display

from accounts.admin.changes import TrackedAdmin
from accounts.admin.dry_run import DryRunPages
from accounts.forms.policies import (
    STEP_FIELDS,
    EndPolicyForm,
    ReminderPolicyForm,
    ReminderStepForm,
    ReminderStepFormSet,
    ReplacePolicyForm,
)
from accounts.models import ReminderPolicy, ReminderPolicyStep
from accounts.models.policies import MOST_STEPS
from accounts.selectors.policy_changes import changes_of_policy
from accounts.selectors.policy_words import (
    customers_in_words,
    days_in_words,
    step_in_words,
    terms_in_words,
)
from accounts.services.policies import end_policy, replace_policy, save_policy
from cxcrm.base import clock
from cxcrm.base.admin import ListView, OffersFittingDeeds

# What a step begins with: the reminder of everybody for whom no law says otherwise.
USUAL_STEP = {"days_before": 45, "least_days_to_decide": 10}

END = ActionDialog(
    title=_("End this policy"),
    description=_(
        "Renewals after that day fall to the next policy that matches them. Those that none"
        " matches are listed among the contracts as “No policy”."
    ),
    form_class=EndPolicyForm,
    form_submit_text=_("End it"),
)
REPLACE = ActionDialog(
    title=_("Duplicate from a date on"),
    description=_(
        "This policy ends the day before. Its copy opens, for you to change: what you change there"
        " concerns renewals from that date on."
    ),
    form_class=ReplacePolicyForm,
    form_submit_text=_("Duplicate"),
)


class ReminderStepInline(TabularInline):
    model = ReminderPolicyStep
    form = ReminderStepForm
    formset = ReminderStepFormSet
    fields = ("number", *STEP_FIELDS)
    readonly_fields = ("number",)
    ordering = ("number",)
    extra = 0
    min_num = 1
    max_num = MOST_STEPS
    hide_title = True


@admin.register(ReminderPolicy)
class ReminderPolicyAdmin(DryRunPages, OffersFittingDeeds, TrackedAdmin):
    form = ReminderPolicyForm
    inlines = (ReminderStepInline,)
    views = (
        ListView(
            "in-force",
            _("In force"),
            lambda policies, request: policies.in_force(clock.now().date()),
            ("name", "id"),
        ),
        ListView(
            "to-come",
            _("To come"),
            lambda policies, request: policies.to_come(clock.now().date()),
            ("effective_from", "id"),
        ),
        ListView(
            "ended",
            _("Ended"),
            lambda policies, request: policies.ended(clock.now().date()),
            ("-effective_until", "-id"),
        ),
        ListView("all", _("All"), lambda policies, request: policies, ("name", "id")),
    )
    list_display = (
        "name",
        "shown_customers",
        "shown_steps",
        "shown_days",
        "shown_followed",
    )
    export_fields = (
        "name",
        "brand",
        "country",
        "region",
        "customer_kind",
        "product_family",
        "min_term_days",
        "first_term_only",
        "missed_window_frees",
        "effective_from",
        "effective_until",
        "exported_steps",
    )
    list_select_related = ("brand",)
    search_fields = ("name",)
    search_help_text = _("Words of the name")
    fieldsets = (
        (None, {"fields": ("name",)}),
        (
            _("Whom it is about"),
            {
                "fields": (
                    ("customer_kind", "brand"),
                    ("country", "region"),
                    ("product_family", "min_term_days"),
                    "first_term_only",
                )
            },
        ),
        (
            _("For how long, and what a missed window means"),
            {"fields": (("effective_from", "effective_until"), "missed_window_frees")},
        ),
    )
    change_form_outer_before_template = "accounts/desk/policy.html"
    actions_list = ("dry_run",)
    actions_detail = ("replace", "end")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReminderPolicy]:
        steps = ReminderPolicyStep.objects.order_by("number")
        return super().get_queryset(request).prefetch_related(Prefetch("steps", steps))

    def page_context(self, request: HttpRequest, obj: ReminderPolicy) -> dict[str, Any]:
        return {
            "changes": changes_of_policy(obj),
            "customers": customers_in_words(obj),
            "terms": terms_in_words(obj),
            "days": days_in_words(obj),
            "steps": [(step.number, step_in_words(step)) for step in obj.steps.all()],
        }

    def get_formset_kwargs(
        self, request: HttpRequest, obj: ReminderPolicy, inline: Any, prefix: str
    ) -> dict[str, Any]:
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        return kwargs if obj.pk else kwargs | {"initial": [USUAL_STEP]}

    def save_model(self, request: HttpRequest, obj: ReminderPolicy, form: Any, change: Any) -> None:
        """A policy is written together with its steps."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        [steps] = formsets
        steps.save(commit=False)  # notes what the log of the desk says
        save_policy(policy=form.instance, steps=steps.steps())

    def unfit_deeds(self, row: ReminderPolicy) -> Collection[str]:
        """One that is over is left alone."""
        last_day = row.effective_until
        return self.actions_detail if last_day and last_day < clock.now().date() else ()

    @action(
        description=_("Duplicate from a date on"),
        icon="content_copy",
        permissions=["change"],
        dialog=REPLACE,
    )
    def replace(
        self, request: HttpRequest, form: ReplacePolicyForm, object_id: str
    ) -> HttpResponse:
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=REPLACE,
            act=lambda policy: replace_policy(
                policy_id=policy.pk,
                first_day=form.cleaned_data["first_day"],
                name=form.cleaned_data["name"],
                at=clock.now(),
            ),
            done=_("This is the copy: change what is to be different."),
            leads_to_outcome=True,
        )

    @action(
        description=_("End"),
        icon="event_busy",
        permissions=["change"],
        dialog=END,
    )
    def end(self, request: HttpRequest, form: EndPolicyForm, object_id: str) -> HttpResponse:
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=END,
            act=lambda policy: end_policy(
                policy_id=policy.pk, last_day=form.cleaned_data["last_day"], at=clock.now()
            ),
            done=_("The last renewal date is set."),
        )

    @display(description=_("whom it is about"))
    def shown_customers(self, policy: ReminderPolicy) -> str:
        words = [customers_in_words(policy), terms_in_words(policy)]
        return _lines([line for line in words if line])

    @display(description=_("steps"))
    def shown_steps(self, policy: ReminderPolicy) -> str:
        return _lines(_steps_in_words(policy))

    @display(description=_("steps"))
    def exported_steps(self, policy: ReminderPolicy) -> str:
        return "; ".join(_steps_in_words(policy))

    @display(description=_("renewal dates"))
    def shown_days(self, policy: ReminderPolicy) -> str:
        return days_in_words(policy)

    @display(description=_("contracts"), label={"follow": "warning", "followed": "success"})
    def shown_followed(self, policy: ReminderPolicy) -> tuple[str, str]:
        if policy.followed_at is None:
            return "follow", _("follow soon")
        return "followed", _("follow it")


def _steps_in_words(policy: ReminderPolicy) -> list[str]:
    return [step_in_words(step) for step in policy.steps.all()]


def _lines(words: list[str]) -> str:
    lines = format_html_join("", "<div>{}</div>", [(line,) for line in words])
    return format_html("<div>{}</div>", lines)

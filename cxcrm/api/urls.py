"""`/api/v1/`: the resources of all apps under one roof."""

from django.urls import include, path, re_path

from accounts.api.contracts import ContractViewSet
from accounts.api.customers import AccountViewSet, BrandViewSet, ContactViewSet
from accounts.api.imports import ImportViewSet
from accounts.api.mails import OutgoingMailViewSet
from accounts.api.products import ProductViewSet
from accounts.api.reminders import RenewalReminderViewSet
from accounts.api.tasks import TaskViewSet
from accounts.api.timeline import TimelineViewSet
from cxcrm.api.views import SchemaView, docs, nothing
from cxcrm.base.rest.routers import ResourceRouter

app_name = "api"

router = ResourceRouter()
router.register("brands", BrandViewSet, basename="brand")
router.register("accounts", AccountViewSet, basename="account")
router.register("contacts", ContactViewSet, basename="contact")
router.register("products", ProductViewSet, basename="product")
router.register("contracts", ContractViewSet, basename="contract")
router.register("renewal-reminders", RenewalReminderViewSet, basename="renewal-reminder")
router.register("tasks", TaskViewSet, basename="task")
router.register("outgoing-mails", OutgoingMailViewSet, basename="outgoing-mail")
router.register("imports", ImportViewSet, basename="import")
router.register("timeline", TimelineViewSet, basename="timeline-event")

urlpatterns = [
    path("v1/", include(router.urls)),
    path("v1/schema/", SchemaView.as_view(), name="schema"),
    path("v1/docs/", docs, name="docs"),
    re_path("", nothing),
]

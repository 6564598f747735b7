"""The front door of a demo, and the mailbox that stands in for its customers' inboxes."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, timedelta
from functools import wraps

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from cxcrm.base import clock
from cxcrm.base.framing import shown_in_frame
from cxcrm.demo.catalogue import ADMINISTRATOR, AGENTS, CX_MANAGER, TEAM_LEAD
from cxcrm.demo.integration import shown_key
from cxcrm.demo.mailbox import Letter, Mailbox, NoSuchLetter, read_letters
from cxcrm.demo.models import DayReached
from cxcrm.demo.services import play_days

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
LETTERS_PER_PAGE = 50
DAYS_TO_PLAY = 7
PLAYED = "demo_played"

ENTRANCES = {
    "agent": (AGENTS[0], _("Enter as agent")),
    "team_lead": (TEAM_LEAD, _("Enter as team lead")),
    "cx_manager": (CX_MANAGER, _("Enter as CX manager")),
    "administrator": (ADMINISTRATOR, _("Enter as administrator")),
}

View = Callable[..., HttpResponse]


def for_everybody_in_a_demo(view: View) -> View:
    """Open without a login in demo mode; there is no such page otherwise."""

    @login_not_required
    @wraps(view)
    def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if not settings.CXCRM_DEMO:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@login_not_required
@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    if not settings.CXCRM_DEMO:
        return redirect("admin:index")
    reached = DayReached.objects.first()
    return render(
        request,
        "demo/landing.html",
        {
            "reached": reached,
            "entrances": [(role, label) for role, (_email, label) in ENTRANCES.items()],
            "played": [
                counts | {"day": date.fromisoformat(counts["day"])}
                for counts in request.session.get(PLAYED, [])
            ],
            "days": DAYS_TO_PLAY,
            "api_key": shown_key(at=clock.now()),
            "api_example": request.build_absolute_uri(
                "/api/v1/contracts/?limit=3&expand=account&order=renewal_date"
            ),
            "next_week": reached and reached.day + timedelta(days=DAYS_TO_PLAY),
        },
    )


@for_everybody_in_a_demo
@require_POST
def enter(request: HttpRequest) -> HttpResponse:
    role = request.POST.get("role")
    if role not in ENTRANCES:
        raise Http404
    email, _label = ENTRANCES[role]
    user = get_object_or_404(get_user_model(), email=email, is_active=True, is_staff=True)
    login(request, user, backend=BACKEND)
    return redirect("admin:index")


@for_everybody_in_a_demo
@require_POST
def play(request: HttpRequest) -> HttpResponse:
    played = play_days(days=DAYS_TO_PLAY, at=clock.now())
    request.session[PLAYED] = [asdict(day) | {"day": day.day.isoformat()} for day in played]
    return redirect("demo:landing")


@for_everybody_in_a_demo
@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    paths = Mailbox(settings.VAR_DIR).newest_first()
    to = request.GET.get("to", "").strip()
    if to:
        wanted = to.lower()
        letters = [
            letter
            for letter in read_letters(paths, headers_only=True)
            if wanted in letter.recipient.lower()
        ]
        page = Paginator(letters, LETTERS_PER_PAGE).get_page(request.GET.get("page"))
    else:
        page = Paginator(paths, LETTERS_PER_PAGE).get_page(request.GET.get("page"))
        page.object_list = list(read_letters(page.object_list, headers_only=True))
    return render(request, "demo/mailbox.html", {"page": page, "to": to})


@for_everybody_in_a_demo
@require_safe
def letter(request: HttpRequest, key: str) -> HttpResponse:
    found = find(key)
    as_text = request.GET.get("as") == "text" or found.html is None
    return render(
        request,
        "demo/letter.html",
        {
            "letter": found,
            "as_text": as_text,
            "links": found.links_below(settings.CXCRM_BASE_URL),
            "headers": [
                (name, found.header(name))
                for name in ("From", "To", "Reply-To", "Date", "Message-ID")
                if found.header(name)
            ],
        },
    )


@for_everybody_in_a_demo
@shown_in_frame
@require_safe
def letter_as_html(request: HttpRequest, key: str) -> HttpResponse:
    """The HTML of a letter by itself, for the frame on its page."""
    html = find(key).html
    if html is None:
        raise Http404
    return HttpResponse(html)


def find(key: str) -> Letter:
    try:
        return Mailbox(settings.VAR_DIR).read(key)
    except NoSuchLetter as error:
        raise Http404 from error

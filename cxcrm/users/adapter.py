from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from cxcrm.users.models import User
from cxcrm.users.views import too_many_attempts


class SignInAdapter(DefaultAccountAdapter):
    """Nobody signs up here: administrators make the logins of staff, cxcrm those of customers."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as refusal:
            raise ImmediateHttpResponse(too_many_attempts(request)) from refusal

    def reauthenticate(self, user: User, password: str) -> bool:
        found = self.authenticate(context.request, email=user.email, password=password)
        return found == user

    def send_mail(self, template_prefix: str, email: str, context: dict) -> None:
        """Mails leave by the outbox alone; allauth has none to send for us."""

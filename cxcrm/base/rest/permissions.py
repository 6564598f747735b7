from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class MayUse(BasePermission):
    """The key's scopes cover the group of the resource and what is done to it."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.auth is not None and request.auth.may(view.verb_of(request), view.group)

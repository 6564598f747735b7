"""How many requests a key has a minute. Where they cannot be counted, they pass."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from cxcrm.base.limits import take_from_limit


class KeyThrottle(BaseThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        key = request.auth
        self.allowance = take_from_limit(key.name_in_limits, limit=key.requests_per_minute)
        # The headers of the answer tell it, see `cxcrm.api.middleware`.
        request._request.api_allowance = self.allowance
        return self.allowance is None or not self.allowance.is_used_up

    def wait(self) -> float | None:
        return self.allowance.seconds_left if self.allowance else None

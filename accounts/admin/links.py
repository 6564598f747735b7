from django.urls import reverse
from django.utils.html import format_html

from accounts.models import Account, Contract


def account_link(account: Account) -> str:
    """The account in a list of something else, one click away."""
    url = reverse("admin:accounts_account_change", args=[account.pk])
    return format_html('<a class="desk-link" href="{}">{}</a>', url, account)


def contract_link(contract: Contract) -> str:
    """The contract in a list of something else, one click away."""
    url = reverse("admin:accounts_contract_change", args=[contract.pk])
    return format_html('<a class="desk-link" href="{}">{}</a>', url, contract)

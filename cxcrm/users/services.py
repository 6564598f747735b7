"""Who may enter, and as what."""

from uuid import uuid4

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.db import transaction

from cxcrm.users.enums import Role
from cxcrm.users.models import User


@transaction.atomic
def create_staff(*, email: str, name: str, role: Role, password: str | None = None) -> User:
    """Make a login for the desk that holds one role; without a password it cannot be entered
    until an administrator sets one. An address that is taken raises IntegrityError."""
    user = User.objects.create_user(email, password, name=name)
    change_role(user=user, role=role)
    return user


def create_machine(*, name: str) -> User:
    """Make a login that an integration acts as: nobody can sign in with it, and mails never go to
    its address."""
    return User.objects.create_user(
        f"machine-{uuid4().hex}@machines.invalid", name=name, is_machine=True
    )


@transaction.atomic
def change_role(*, user: User, role: Role | None) -> None:
    """Give the user this role instead of the former one; None takes the desk away.

    It bites on the user's next request. A superuser keeps the desk whatever the role.
    """
    user.groups.set(Group.objects.filter(name=role) if role else [])
    user.is_staff = bool(role) or user.is_superuser
    user.save(update_fields=["is_staff"])


def forget_second_factor(*, user: User) -> None:
    """For somebody who lost phone and recovery codes: the next sign-in asks for the password
    only and, where a second step is required, leads to setting up a new one."""
    Authenticator.objects.filter(user=user).delete()


def verified_addresses(user: User) -> list[str]:
    """The addresses that are proven to be this user's; none of staff, who act as themselves."""
    if user.is_staff or not user.is_active:
        return []
    proven = EmailAddress.objects.filter(user=user, verified=True)
    return [address.lower() for address in proven.values_list("email", flat=True)]

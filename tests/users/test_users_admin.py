import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.test import Client

from cxcrm.users.enums import Role
from cxcrm.users.models import User, UserRole
from cxcrm.users.services import change_role, create_staff
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
USERS = "/desk/users/user/"


@pytest.fixture
def administrator_client():
    client = Client()
    client.force_login(UserFactory(role="administrator"))
    return client


def changes(user, **fields):
    return {
        "email": user.email,
        "name": user.name,
        "language": "en",
        "role": "",
        "is_active": "on",
    } | fields


def test_create_staff_makes_a_login_with_one_role():
    user = create_staff(email=" Ada@Cxcrm.Test", name="Ada", role=Role.TEAM_LEAD, password="pw")

    assert (user.email, user.is_staff, user.is_superuser) == ("ada@cxcrm.test", True, False)
    assert list(user.groups.values_list("name", flat=True)) == ["team_lead"]
    assert user.check_password("pw")


def test_create_staff_without_password_makes_a_login_that_none_opens():
    user = create_staff(email="ada@cxcrm.test", name="Ada", role=Role.AGENT)

    assert not user.has_usable_password()


def test_change_role_replaces_the_role_and_is_kept_in_the_history():
    user = create_staff(email="ada@cxcrm.test", name="Ada", role=Role.AGENT)

    change_role(user=user, role=Role.EXECUTIVE)

    assert list(user.groups.values_list("name", flat=True)) == ["executive"]
    history = UserRole.pgh_event_model.objects.order_by("pgh_id")
    names = dict(Group.objects.values_list("id", "name"))
    assert [(event.pgh_label, names[event.group_id]) for event in history] == [
        ("insert", "agent"),
        ("delete", "agent"),
        ("insert", "executive"),
    ]


def test_change_role_to_none_closes_the_desk_on_the_next_request(client):
    user = UserFactory(role="agent")
    client.force_login(user)
    assert client.get("/desk/").status_code == 200

    change_role(user=user, role=None)

    assert client.get("/desk/", follow=True).status_code == 403


def test_administrator_adds_a_user_with_a_role(administrator_client):
    response = administrator_client.post(
        f"{USERS}add/",
        {
            "email": "Zoe@cxcrm.test",
            "name": "Zoe",
            "language": "de",
            "role": "cx_manager",
            "password1": "seven-calm-otters",
            "password2": "seven-calm-otters",
        },
    )

    assert response.status_code == 302
    user = User.objects.get(email="zoe@cxcrm.test")
    assert (user.name, user.language, user.is_staff) == ("Zoe", "de", True)
    assert list(user.groups.values_list("name", flat=True)) == ["cx_manager"]
    assert user.check_password("seven-calm-otters")


def test_adding_a_user_names_the_field_at_fault_and_adds_nothing(administrator_client):
    taken = UserFactory(email="zoe@cxcrm.test")

    response = administrator_client.post(
        f"{USERS}add/",
        {
            "email": "ZOE@cxcrm.test",
            "name": "Zoe",
            "language": "de",
            "role": "agent",
            "password1": "short",
            "password2": "short",
        },
    )

    assert sorted(response.context["adminform"].form.errors) == ["email", "password2"]
    assert User.objects.exclude(pk=taken.pk).count() == 1


def test_administrator_changes_role_and_deactivates(administrator_client):
    user = UserFactory(role="agent")

    administrator_client.post(f"{USERS}{user.pk}/change/", changes(user, role="team_lead"))
    user.refresh_from_db()
    assert list(user.groups.values_list("name", flat=True)) == ["team_lead"]

    fields = changes(user, role="team_lead")
    del fields["is_active"]
    administrator_client.post(f"{USERS}{user.pk}/change/", fields)
    user.refresh_from_db()
    assert not user.is_active


def test_administrator_cannot_make_a_superuser(administrator_client):
    user = UserFactory(role="agent")

    administrator_client.post(
        f"{USERS}{user.pk}/change/", changes(user, role="agent", is_superuser="on", is_staff="on")
    )

    user.refresh_from_db()
    assert not user.is_superuser


def test_administrator_sets_a_password(administrator_client):
    user = UserFactory(role="agent")
    elsewhere = Client()
    elsewhere.force_login(user)

    administrator_client.post(
        f"{USERS}{user.pk}/password/",
        {"password1": "seven-calm-otters", "password2": "seven-calm-otters"},
    )

    user.refresh_from_db()
    assert user.check_password("seven-calm-otters")
    assert elsewhere.get("/desk/").status_code == 302


def test_superuser_is_out_of_an_administrators_reach(administrator_client):
    superuser = User.objects.create_superuser("root@cxcrm.test", "seven-calm-otters", name="Root")
    Authenticator.objects.create(user=superuser, type="totp", data={})

    password = administrator_client.post(
        f"{USERS}{superuser.pk}/password/",
        {"password1": "eight-calm-otters", "password2": "eight-calm-otters"},
    )
    administrator_client.post(f"{USERS}{superuser.pk}/change/", changes(superuser, name="Mine"))
    administrator_client.post(
        USERS, {"action": "forget_second_factors", "_selected_action": [superuser.pk]}
    )

    superuser.refresh_from_db()
    assert password.status_code == 403
    assert superuser.name == "Root"
    assert superuser.check_password("seven-calm-otters")
    assert Authenticator.objects.filter(user=superuser).exists()


def test_administrator_makes_a_second_factor_forgotten(administrator_client):
    user = UserFactory(role="agent")
    Authenticator.objects.create(user=user, type="totp", data={})

    administrator_client.post(
        USERS, {"action": "forget_second_factors", "_selected_action": [user.pk]}
    )

    assert not Authenticator.objects.filter(user=user).exists()


@pytest.mark.parametrize("role", ["agent", "team_lead", "cx_manager", "executive"])
def test_other_roles_reach_no_user(client, role):
    client.force_login(UserFactory(role=role))
    other = UserFactory(role="agent")

    for path in (
        USERS,
        f"{USERS}add/",
        f"{USERS}{other.pk}/change/",
        f"{USERS}{other.pk}/password/",
    ):
        assert client.get(path).status_code == 403


def test_desk_shows_no_secrets_of_second_factors():
    client = Client()
    client.force_login(User.objects.create_superuser("root@cxcrm.test", "x", name="Root"))

    assert client.get("/desk/mfa/authenticator/").status_code == 404


def test_list_of_users_asks_the_same_queries_for_one_and_three(
    administrator_client, django_assert_num_queries
):
    for more in (0, 2):
        UserFactory.create_batch(more, role="agent")
        with django_assert_num_queries(7):
            assert administrator_client.get(USERS).status_code == 200

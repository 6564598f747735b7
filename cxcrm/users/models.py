import pghistory
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cxcrm.users.enums import Language


class UserManager(BaseUserManager):
    def create_user(self, email: str, password: str | None = None, **fields) -> "User":
        """Make a login; without a password it can only be entered by mailed code or reset."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def staff(self) -> models.QuerySet["User"]:
        """Those who may enter the desk."""
        return self.filter(is_staff=True, is_active=True)

    def get_by_natural_key(self, email: str) -> "User":
        return self.get(email=email.lower())


@pghistory.track(
    pghistory.UpdateEvent(
        row=pghistory.Old,
        condition=pghistory.AnyChange("email", "name", "is_active", "is_staff", "is_superuser"),
    ),
    pghistory.DeleteEvent(),
    exclude=["password", "last_login"],
)
class User(AbstractBaseUser, PermissionsMixin):
    """One login for staff (`is_staff`) and customers, known by its lower-cased address."""

    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=150)
    language = models.CharField(
        _("language"), max_length=2, choices=Language, default=Language.ENGLISH
    )
    is_staff = models.BooleanField(
        _("staff"), default=False, help_text=_("May enter the agent desk.")
    )
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Switch off instead of deleting a login.")
    )
    # Integrations act by keys; nobody can sign in as one of them.
    is_machine = models.BooleanField(_("machine"), default=False, db_default=False, editable=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    objects = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"
            ),
            models.CheckConstraint(
                condition=models.Q(is_machine=False) | models.Q(is_staff=False, is_superuser=False),
                name="user_machine_is_no_staff",
            ),
            models.CheckConstraint(
                condition=models.Q(is_machine=False)
                | models.Q(password__startswith=UNUSABLE_PASSWORD_PREFIX),
                name="user_machine_has_no_password",
            ),
        ]

    def __str__(self) -> str:
        if self.is_machine:
            return _("{name} (integration)").format(name=self.name)
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name


@pghistory.track(pghistory.InsertEvent(), pghistory.DeleteEvent(), obj_field=None)
class UserRole(User.groups.through):
    """The audit of who was given or lost which role."""

    class Meta:
        proxy = True

"""What agents say about prices and products, checked."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import date_format, localize
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget

from accounts.enums import PriceChangeReason
from accounts.forms.desk import DayField
from accounts.models import ExchangeRate, PriceChange, Product
from accounts.services.exchange_rates import check_currency
from accounts.services.products import faults_of_product
from cxcrm.base.admin import DialogForm
from cxcrm.base.errors import DomainError


class AnnouncePriceForm(DialogForm):
    price = forms.DecimalField(
        label=_("New price"),
        help_text=_("Net, per billing period."),
        min_value=0,
        max_digits=12,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
    )
    effective_on = DayField(label=_("In force from"))
    announced_on = DayField(
        label=_("Announced on"), help_text=_("The day on which the customer was told.")
    )


class PriceChangeField(forms.ModelChoiceField):
    def label_from_instance(self, change: PriceChange) -> str:
        price, currency = localize(change.price), change.contract.currency
        return f"{date_format(change.effective_on, 'DATE_FORMAT')}: {price} {currency}"


class CallOffPriceForm(DialogForm):
    price_change = PriceChangeField(
        label=_("Price change"),
        queryset=PriceChange.objects.none(),
        empty_label=None,
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["price_change"].queryset = (
            PriceChange.objects.filter(
                contract_id=self.object_id if str(self.object_id).isdecimal() else None,
                applied_at=None,
                reason=PriceChangeReason.ANNOUNCED,
            )
            .select_related("contract")
            .order_by("effective_on")
        )


class ProductForm(forms.ModelForm):
    class Meta:
        model = Product
        fields = (
            "brand",
            "code",
            "name",
            "family",
            "on_offer",
            "list_price",
            "promotion_price",
            "promotion_months",
            "tax_rate",
            "currency",
            "billing_period_months",
            "first_term_months",
            "after_term",
            "renewal_term_months",
            "notice_months",
            "notice_days",
            "provisioning_hours",
        )

    def clean(self) -> None:
        """The rule of offers names the field at fault, which the table's constraints cannot."""
        super().clean()
        for field, message in faults_of_product(Product(**self.cleaned_data)).items():
            if field in self.cleaned_data:
                self.add_error(field, message)


class ExchangeRateForm(forms.ModelForm):
    class Meta:
        model = ExchangeRate
        fields = ("currency", "valid_from", "rate")

    def clean_currency(self) -> str:
        currency = self.cleaned_data["currency"].strip().upper()
        try:
            check_currency(currency)
        except DomainError as refusal:
            raise ValidationError(str(refusal)) from None
        return currency

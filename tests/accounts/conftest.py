import pytest

from tests.accounts.deciding import READ_AT, Reader, remind
from tests.factories import AccountFactory, ContractFactory, ProductFactory


@pytest.fixture
def reader(db, time_machine) -> Reader:
    """Rosa, two days after the reminder of her one contract; the clock stands."""
    time_machine.move_to(READ_AT, tick=False)
    account = AccountFactory(name="Café Morgenrot", external_id="K7")
    product = ProductFactory(brand=account.brand, name="Webhosting Pro")
    contract = ContractFactory(account=account, product=product, external_id="V-1047")
    reminder = remind(contract, name="Rosa", address="rosa@morgenrot.example")
    return Reader(reminder, time_machine)

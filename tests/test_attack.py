"""Every attack of `make attack`, in its short form: the product withstands, and others are answered meanwhile."""

from collections.abc import Iterator

import pytest

from tests.attack import raw
from tests.attack.attacks import ATTACKS, Attack
from tests.attack.stage import Honest, Product, product

SHORT_SILENCE = 0.3  # seconds
COST = 8  # of each password: a guess costs the product 20 ms in place of 300, and still something


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with product(tmp_path_factory.mktemp("attacked"), COST) as found:
        yield found


@pytest.mark.parametrize(("attack", "size"), [pytest.param(a, s, id=a.__name__) for a, (_, s) in ATTACKS.items()])
def test_the_product_withstands(target: Product, attack: Attack, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "SILENCE", SHORT_SILENCE)
    with Honest(target) as honest:
        finding = attack(target, size)

    assert finding.held, finding.measured
    assert honest.failed == []
    assert honest.health
    assert honest.page

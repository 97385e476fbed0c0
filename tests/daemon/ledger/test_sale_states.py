import itertools

import pytest

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.sale_states import TABLE, SaleEvent, SaleState, after


@pytest.mark.parametrize(("state", "event"), TABLE, ids=str)
def test_every_edge_of_the_table_is_walked(state: SaleState, event: SaleEvent) -> None:
    assert after(state, event) is TABLE[state, event]


NO_EDGE = sorted(set(itertools.product(SaleState, SaleEvent)) - TABLE.keys())


@pytest.mark.parametrize(("state", "event"), NO_EDGE, ids=str)
def test_where_the_table_has_no_edge_the_till_is_told_why(
    state: SaleState, event: SaleEvent
) -> None:
    with pytest.raises(RefusedError) as refused:
        after(state, event)
    assert refused.value.detail.endswith(".")


@pytest.mark.parametrize(
    ("state", "event", "code"),
    [
        (SaleState.VOIDED, SaleEvent.COMMIT, ErrorCode.ALREADY_VOIDED),
        (SaleState.POSTED, SaleEvent.COMMIT, ErrorCode.ALREADY_POSTED),
        (SaleState.POSTED, SaleEvent.VOID, ErrorCode.ALREADY_POSTED),
        (SaleState.EXPIRED, SaleEvent.COMMIT, ErrorCode.HOLD_EXPIRED),
        (SaleState.HELD, SaleEvent.RETURN, ErrorCode.NOT_RETURNABLE),
        (SaleState.NEW, SaleEvent.RETURN, ErrorCode.NOT_RETURNABLE),
        (SaleState.UNKNOWN, SaleEvent.COMMIT, ErrorCode.TORN),
        (SaleState.HELD, SaleEvent.HOLD, ErrorCode.ID_REUSED),
    ],
    ids=str,
)
def test_each_refusal_has_the_protocol_s_code(
    state: SaleState, event: SaleEvent, code: ErrorCode
) -> None:
    with pytest.raises(RefusedError) as refused:
        after(state, event)
    assert refused.value.code is code


def test_an_intent_is_never_voided_by_time() -> None:
    assert (SaleState.INTENT, SaleEvent.TIME) not in TABLE
    assert (SaleState.UNKNOWN, SaleEvent.TIME) not in TABLE

import re

from hypothesis import given
from hypothesis import strategies as st

from daemon.base.ids import AccountId
from daemon.mailing.unsubscribing import TOKEN_PATTERN, Whose, read_token, token_of

KEY = bytes(range(32))
WHOSE = st.builds(
    Whose,
    st.text(alphabet="abcdef0123456789", min_size=1, max_size=64).map(AccountId),
    st.sampled_from(("sms", "viber", "email", "post")),
)


@given(WHOSE)
def test_a_token_says_whose_it_is_and_fits_into_an_address(whose: Whose) -> None:
    token = token_of(KEY, whose)
    assert read_token(KEY, token) == whose
    assert re.fullmatch(TOKEN_PATTERN, token)


@given(WHOSE, st.integers(0, 200), st.sampled_from("AZaz09_-"))
def test_a_token_with_another_character_is_nobody_s(whose: Whose, place: int, char: str) -> None:
    token = token_of(KEY, whose)
    place %= len(token)
    changed = token[:place] + char + token[place + 1 :]
    assert read_token(KEY, changed) == (whose if changed == token else None)


@given(WHOSE)
def test_another_shop_s_token_is_nobody_s(whose: Whose) -> None:
    assert read_token(bytes(32), token_of(KEY, whose)) is None


@given(st.text())
def test_any_text_is_nobody_s_token(text: str) -> None:
    assert read_token(KEY, text) is None

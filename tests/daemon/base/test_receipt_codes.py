"""A receipt's code leads to its sale and to no other, however people type it."""

from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daemon.base.receipt_codes import (
    CHECK_CHARS,
    CHECK_LETTERS,
    NAME_CHARS_MAX,
    RECEIPT_CHARS_MAX,
    P,
    TillNames,
    W,
    folded,
    read_receipt,
    receipt_code,
    till_name,
)
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.base.text_limits import REQUEST_ID_CHARS_MAX

printable = st.characters(exclude_categories=("Cc", "Cs"))
names = st.text(printable, min_size=1, max_size=12).filter(till_name)
sale_ids = st.text(
    st.one_of(st.sampled_from("0123456789-abcXYZ /."), printable), min_size=1, max_size=64
)
tills = st.builds(TillNames, names, names)
codes = st.builds(receipt_code, tills, sale_ids)
LOOK_ALIKE = str.maketrans("ilo", "110")


def says(text: str) -> object:
    """Return what a code says, or None for one that is refused."""
    try:
        return read_receipt(text)
    except RefusedError:
        return None


def told_apart(char: str, other: str) -> bool:
    """Whether two characters are different ones to whoever reads a code."""
    return folded(char) != folded(other) and not (char + other).isspace()


def by_hand(body: str) -> str:
    """Return the check by the formula of the module's page, power by power."""
    powers = (ord(char) * W ** (len(body) - n) for n, char in enumerate(body))
    value = sum(powers) % P
    places = (value // 33**n % 33 for n in reversed(range(CHECK_CHARS)))
    return "".join(CHECK_LETTERS[place] for place in places)


def test_the_numbers_are_what_the_proof_needs() -> None:
    assert all(P % n for n in range(2, int(P**0.5) + 1))
    assert 0x10FFFF < P <= len(CHECK_LETTERS) ** CHECK_CHARS
    assert len({*CHECK_LETTERS}) == len(CHECK_LETTERS) == 33
    # W is a primitive root: of its powers only the one by P - 1 is 1.
    assert all(pow(W, (P - 1) // prime, P) != 1 for prime in (2, 3, 227, 409))
    assert P - 1 == 2**2 * 3 * 227 * 409


@pytest.mark.parametrize(
    ("store", "terminal", "sale_id", "body"),
    [
        ("1", "till-1", "t1-0001", "1-till1-t1-0001"),
        ("North Gate", "Till #2", "0001", "northgate-till2-0001"),
        ("Ґанок", "Щит 1", "Ґ 7", "ґанок-щит1-Ґ 7"),
    ],
)
def test_a_code_is_the_names_the_id_and_its_check(
    store: str, terminal: str, sale_id: str, body: str
) -> None:
    assert receipt_code(TillNames(store, terminal), sale_id) == f"{body}-{by_hand(folded(body))}"


@given(tills, sale_ids)
def test_a_code_says_its_till_and_its_sale(till: TillNames, sale_id: str) -> None:
    found = read_receipt(receipt_code(till, sale_id))
    assert found.till == till.plain
    assert found.sale_id == folded(sale_id)


@given(codes, st.data())
def test_capitals_and_blanks_say_nothing(code: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(code)))
    blank = data.draw(st.sampled_from([" ", "\t", "\u00a0", "   "]))
    typed = "".join(c.upper() if len(c.upper()) == len(c.upper().lower()) == 1 else c for c in code)
    assume(folded(typed) == folded(code))
    assert says(f" {typed[:at]}{blank}{typed[at:]} ") == says(code) is not None


@given(codes, st.data())
def test_any_wrong_character_is_caught(code: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(code) - 1))
    other = data.draw(st.one_of(st.sampled_from(CHECK_LETTERS + "- "), printable))
    assume(not code[at].isspace())
    assume(not other.isspace())
    assume(told_apart(code[at], other))
    in_check = at >= len(code) - CHECK_CHARS
    assume(not in_check or folded(other).translate(LOOK_ALIKE) != folded(code[at]))
    assert says(code[:at] + other + code[at + 1 :]) is None


@given(codes, st.data())
def test_any_neighbours_swapped_are_caught(code: str, data: st.DataObject) -> None:
    code = folded(code)
    at = data.draw(st.integers(0, len(code) - 2))
    assume(code[at] != code[at + 1])
    swapped = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
    assert says(swapped) is None


def test_every_wrong_character_and_every_swap_of_one_receipt_is_caught() -> None:
    code = folded(receipt_code(TillNames("1", "till-1"), "t1-0001"))
    assert says(code) is not None
    for at in range(len(code)):
        for other in map(chr, range(0x21, 0x500)):
            look_alike = at >= len(code) - CHECK_CHARS and other in "iIlLoO"
            if not other.isspace() and told_apart(code[at], other) and not look_alike:
                assert says(code[:at] + other + code[at + 1 :]) is None, (at, other)
    for first, later in combinations(range(len(code) - CHECK_CHARS - 1), 2):
        chars = list(code)
        chars[first], chars[later] = code[later], code[first]
        if code[first] != code[later]:
            assert says("".join(chars)) is None, (first, later)


@pytest.mark.parametrize(
    "text", ["", "-", "1", "1-2-3", "1--0001-0000", "----", "- - -0000", "ß-ß"]
)
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="scan it or type it anew") as refused:
        read_receipt(text)
    assert refused.value.code is ErrorCode.MISREAD


@given(st.text())
def test_any_text_is_a_code_or_refused(text: str) -> None:
    says(text)


def test_a_look_alike_in_the_check_is_read_as_what_is_printed() -> None:
    wanted = next(
        code
        for code in (receipt_code(TillNames("1", "1"), str(n)) for n in range(10_000))
        if {"0", "1"} <= {*code[-CHECK_CHARS:]}
    )
    typed = wanted[:-CHECK_CHARS] + wanted[-CHECK_CHARS:].replace("0", "O").replace("1", "l")
    assert says(typed) == says(wanted) is not None


def test_the_longest_code_is_taken_back() -> None:
    name, sale_id = "n" * NAME_CHARS_MAX, "s" * REQUEST_ID_CHARS_MAX
    assert len(receipt_code(TillNames(name, name), sale_id)) <= RECEIPT_CHARS_MAX


PLAIN = "Z-7 їґщ Straße-ΟΔΟΣ İzmir ﬀ"
SHOP = TillNames("1", "till-1")


def capitals_of_their_own(text: str) -> str:
    """Write every letter as a capital whose small letter it is, the others as they are."""
    return "".join(c.upper() if c.upper().lower() == c else c for c in text)


def test_capitals_do_not_matter_where_a_letter_has_one_of_its_own() -> None:
    code = receipt_code(SHOP, PLAIN)
    assert read_receipt(capitals_of_their_own(code)) == read_receipt(code)
    assert read_receipt(code).sale_id == folded(PLAIN)


@pytest.mark.parametrize("letter", ["ß", "ς", "İ", "ﬀ"])
def test_a_letter_without_a_capital_of_its_own_is_typed_as_it_is(letter: str) -> None:
    code = receipt_code(SHOP, f"a{letter}b")
    assert read_receipt(code).sale_id == f"a{letter}b"
    other = letter.lower() if letter == "İ" else letter.upper()
    with pytest.raises(RefusedError):
        read_receipt(code.replace(letter, other))

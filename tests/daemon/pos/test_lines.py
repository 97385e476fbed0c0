import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.pos.lines import LINE_BYTES_MAX, LineBuffer, LineTooLongError


def lines_of(chunks: list[bytes]) -> list[bytes]:
    buffer, lines = LineBuffer(), []
    for chunk in chunks:
        buffer.feed(chunk)
        while (line := buffer.take()) is not None:
            lines.append(line)
    return lines


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"{}", b"\n\n", b""]) | st.binary()))
def test_chunking_never_changes_the_lines(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    assert lines_of(chunks) == whole.split(b"\n")[:-1]
    assert lines_of([bytes([byte]) for byte in whole]) == lines_of([whole])


def test_a_line_of_the_limit_is_taken_and_one_byte_more_is_refused() -> None:
    assert lines_of([b"x" * LINE_BYTES_MAX, b"\n"]) == [b"x" * LINE_BYTES_MAX]
    with pytest.raises(LineTooLongError):
        lines_of([b"x" * (LINE_BYTES_MAX + 1)])
    with pytest.raises(LineTooLongError):
        lines_of([b"x" * (LINE_BYTES_MAX + 1) + b"\n"])


def test_lines_before_one_that_is_too_long_are_still_taken() -> None:
    buffer = LineBuffer()
    buffer.feed(b"a\n" + b"x" * (LINE_BYTES_MAX + 1))
    assert buffer.take() == b"a"
    with pytest.raises(LineTooLongError):
        buffer.take()
    buffer.clear()
    assert len(buffer) == 0
    assert buffer.take() is None


def test_the_end_makes_a_line_of_what_is_left() -> None:
    buffer = LineBuffer()
    buffer.end()
    assert buffer.take() is None
    buffer.feed(b"a\nb")
    buffer.end()
    assert [buffer.take(), buffer.take(), buffer.take()] == [b"a", b"b", None]

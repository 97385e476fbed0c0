"""Any bytes into any decoder: a value or our own error. Seeded, so that a failure comes back."""

import subprocess
import sys
from pathlib import Path

import pytest

from card_formats.atr import Atr, decode_atr, encode_contactless
from tests.fuzz.targets import TARGETS, try_many

SEED, INPUTS, INPUTS_SOAK = 20261102, 20_000, 1_000_000
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", TARGETS)
def test_any_input_gives_a_value_or_our_own_error(name: str) -> None:
    outcomes = try_many(name, seed=SEED, inputs=INPUTS)
    assert outcomes >= set(TARGETS[name].reaches), "the inputs come to the very end of it"


@pytest.mark.soak
@pytest.mark.parametrize("name", TARGETS)
def test_a_million_inputs_give_a_value_or_our_own_error(name: str) -> None:
    try_many(name, seed=SEED + 1, inputs=INPUTS_SOAK)


@pytest.mark.soak
@pytest.mark.parametrize("name", TARGETS)
def test_a_million_inputs_that_follow_the_coverage_find_nothing_either(
    name: str, tmp_path: Path
) -> None:
    """In a process of its own: the fuzzer instruments the code and ends the interpreter."""
    command = [sys.executable, "-m", "tests.fuzz.guided", name, f"-runs={INPUTS_SOAK}"]
    options = ["-max_len=512", f"-seed={SEED}", f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, check=False)
    said = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, said[-4000:]
    assert f"Done {INPUTS_SOAK} runs" in said


@pytest.mark.parametrize("length", range(16))
def test_an_atr_made_for_a_contactless_card_is_read_back(length: int) -> None:
    historical = bytes(range(length))
    assert decode_atr(encode_contactless(historical)) == Atr((0, 1), historical)

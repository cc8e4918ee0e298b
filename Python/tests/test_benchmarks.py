"""The frame of the benchmark: what it computes from what was measured."""

import math
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "Benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from frame import measuring, page
from frame.row import Goal, Growth, Row, Skipped
from frame.scratch import Scratch
from frame.side import Command, Failure, Sample, Side
from rows import Sizes, all_rows


class Script(Side):
    """A side that gives samples in order, over and over."""

    def __init__(self, label, *seconds, growth=0):
        self.label, self.seconds, self.growth, self.turn = label, seconds, growth, 0
        self.running = False

    def start(self):
        self.running = True

    def measure(self, seconds):
        assert self.running
        self.turn += 1
        return Sample(self.seconds[(self.turn - 1) % len(self.seconds)], self.growth)

    def stop(self):
        self.running = False


def result(ours, peers, goal=Goal(0.5, "half"), **more):
    row = Row("group", "name", goal, ours, peers, "how", **more)
    return measuring.measured(row, measuring.Pace(3, 0))


def test_the_figure_is_the_median_of_the_ratios_of_each_turn():
    measured = result(Script("ours", 1.0, 4.0, 3.0), [(1, Script("peer", 2.0, 16.0, 4.0))])
    assert measured["value"] == 0.5
    assert measured["spread"] == [0.25, 0.75]
    assert measured["fastest"] == 0.5  # 1.0 of 2.0
    assert measured["reached"] is True


def test_peers_are_added_each_times_its_factor():
    measured = result(Script("ours", 3.0), [(1.5, Script("copy", 2.0)), (1, Script("hash", 1.0))])
    assert measured["value"] == 0.75
    assert measured["reached"] is False
    assert measured["peer"] == ["1.5 x copy", "hash"]


def test_without_a_peer_the_figure_has_the_unit_of_the_goal():
    assert result(Script("ours", 0.021), [], Goal(25, "25 ms", "ms"))["value"] == pytest.approx(21)
    goal = Goal(64, "64 MiB", "MiB")
    memory = result(Script("ours", 1.0, growth=3 << 20), [], goal, figure="memory")
    assert memory["value"] == 3


def test_a_row_that_fails_is_an_error_and_all_its_sides_are_stopped():
    class Broken(Script):
        def measure(self, seconds):
            raise Failure("no such file")

    ours = Script("ours", 1.0)
    measured = result(ours, [(1, Broken("peer", 1.0))])
    assert measured["error"] == "no such file"
    assert "value" not in measured
    assert not ours.running


def test_a_row_that_this_machine_cannot_run_is_skipped_with_the_reason():
    def refuse():
        raise Skipped("needs a mount")

    measured = result(Script("ours", 1.0), [], Goal(1, "1 ms", "ms"), prepare=refuse)
    assert measured["skipped"] == "needs a mount"


def test_the_exponent_is_the_slope_of_the_logarithms():
    assert measuring.exponent([1, 10, 100], [3, 30, 300]) == pytest.approx(1)
    assert measuring.exponent([2, 4, 8], [5, 20, 80]) == pytest.approx(2)
    assert measuring.exponent([2, 4, 8], [7, 7, 7]) == 0


def test_growth_is_relative_to_the_first_size():
    def side(n):
        return Script("ours", 0.5 * n, growth=n << 20)

    growth = Growth("growth", "name", "tensors", [1, 10], side, "how")
    measured = measuring.grown(growth, measuring.Pace(2, 0))
    assert measured["time"] == [1, 10]
    assert measured["exponent"] == pytest.approx(1)
    assert measured["memory_exponent"] == pytest.approx(1)


def test_a_command_is_timed_from_start_to_end_and_its_memory_is_its_own():
    script = "import time; data = bytearray(50 << 20); time.sleep(0.05)"
    python = [sys.executable, "-S", "-c"]
    command = Command("python", lambda: [*python, script], idle=[*python, "0"])
    held = bytearray(300 << 20)  # what this process holds must not count
    command.start()
    sample = command.measure(0)
    assert sample.seconds > 0.05
    assert 45 << 20 < sample.growth < 80 << 20
    del held


def test_a_command_that_fails_tells_what_it_wrote():
    script = "import sys; sys.exit('not today')"
    command = Command("python", lambda: [sys.executable, "-S", "-c", script])
    with pytest.raises(Failure, match="status 1: not today"):
        command.measure(0)


@pytest.mark.parametrize("quick", [False, True])
def test_every_row_has_a_name_of_its_own_and_every_part_of_the_list_has_goals(quick, tmp_path):
    rows = list(all_rows(Sizes(quick), Scratch(tmp_path, "tool", "worker", cores=2)))
    names = [(row.group, row.name) for row in rows]
    assert len(set(names)) == len(names)
    judged = {row.group for row in rows if isinstance(row, Row) and row.goal}
    assert judged == {
        "pooling pass",
        "folded model",
        "folded model and torch-run",
        "folded model and torch-compile",
        "folded model and onnx",
        "folded model, vector form",
        "faithful engine",
        "listing",
        "conversion",
        "conversion of small tensors",
        "sharing extents",
        "memory",
        "compressed",
        "cold start",
        "verification",
    }
    variables = {row.variable for row in rows if isinstance(row, Growth)}
    assert variables == {"tensors", "bytes", "positions", "batch"}


def test_numbers_have_three_digits():
    values = [0.0123456, 0.5, 1.15, 22.46, 1234.5, 0, math.inf]
    texts = ["0.0123", "0.500", "1.15", "22.5", "1234", "0", "inf"]
    assert [page.number(value) for value in values] == texts


def test_every_file_compiles():
    files = [*BENCHMARKS.glob("*.py"), *BENCHMARKS.glob("*/*.py")]
    assert len(files) > 20
    for file in files:
        compile(file.read_text(), str(file), "exec")

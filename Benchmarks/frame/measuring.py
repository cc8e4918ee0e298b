"""Measures rows: the sides in turn, several times."""

from __future__ import annotations

import math
import statistics
import traceback
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence

from .row import Goal, Growth, Row, Skipped
from .side import Failure, Sample, Side

MEBI = 1 << 20
UNITS = {"": 1.0, "ms": 1e-3, "MiB": float(MEBI), "KiB": 1024.0}


@dataclass(frozen=True)
class Pace:
    """How often the sides take turns, and how many seconds a turn is to have."""

    turns: int
    seconds: float


def measured(row: Row, pace: Pace) -> Dict[str, Any]:
    """The row's result as the JSON has it; never raises for what a side does."""
    result: Dict[str, Any] = {
        "group": row.group, "name": row.name, "how": row.how, "figure": row.figure,
        "ours": row.ours.label,
        "peer": [label(factor, side) for factor, side in row.peer],
        "goal": row.goal.text if row.goal else None,
        "limit": row.goal.limit if row.goal else None,
        "unit": row.goal.unit if row.goal else "",
    }  # fmt: skip
    sides = [row.ours] + [side for _, side in row.peer]
    try:
        row.prepare()
        turns = in_turn(sides, pace)
        result.update(summary(row, turns))
    except Skipped as reason:
        result["skipped"] = str(reason)
    except Failure as failure:
        result["error"] = str(failure)
    except Exception:  # a row that cannot be prepared is a result, too
        result["error"] = traceback.format_exc(limit=3)
    return result


def label(factor: float, side: Side) -> str:
    return side.label if factor == 1 else f"{factor:g} x {side.label}"


def in_turn(sides: Sequence[Side], pace: Pace) -> List[List[Sample]]:
    """For each turn a sample of each side."""
    try:
        for side in sides:
            side.start()
        return [[side.measure(pace.seconds) for side in sides] for _ in range(pace.turns)]
    finally:
        for side in sides:
            side.stop()


def summary(row: Row, turns: List[List[Sample]]) -> Dict[str, Any]:
    def value(sample: Sample) -> float:
        return sample.seconds if row.figure == "time" else float(sample.growth)

    unit = row.unit() if row.unit else UNITS[row.goal.unit if row.goal else ""]
    def figure(ours: Sample, peers: Sequence[Sample]) -> float:
        below = sum(factor * value(peer) for (factor, _), peer in zip(row.peer, peers)) if peers else unit
        return value(ours) / below if below > 0 else math.inf

    values = [figure(ours, peers) for ours, *peers in turns]
    fastest, *fastest_peers = [min(samples, key=value) for samples in zip(*turns)]
    result: Dict[str, Any] = {
        "value": statistics.median(values),
        "fastest": figure(fastest, fastest_peers),
        "spread": [min(values), max(values)],
        "turns": len(values),
        "growth_mib": max(ours.growth for ours, *_ in turns) / MEBI,
        "peer_growth_mib": max((peer.growth for _, *peers in turns for peer in peers), default=0) / MEBI,
    }
    if row.goal:
        result["reached"] = reached(row.goal, result["value"])
    return result


def reached(goal: Goal, value: float) -> bool:
    return value <= goal.limit


def grown(growth: Growth, pace: Pace) -> Dict[str, Any]:
    """Seconds relative to the first point, peak growth, and the exponents of both."""
    result: Dict[str, Any] = {
        "group": growth.group, "name": growth.name, "how": growth.how, "variable": growth.variable,
    }  # fmt: skip
    samples: Dict[int, Sample] = {}
    try:
        for point in growth.points:
            growth.prepare(point)
            turns = in_turn([growth.side(point)], pace)
            best = min(turn[0].seconds for turn in turns)
            samples[point] = Sample(best, max(turn[0].growth for turn in turns))
    except Skipped as reason:
        result["skipped"] = str(reason)
    except Exception as failure:
        result["error"] = str(failure) if isinstance(failure, Failure) else traceback.format_exc(limit=3)
    points = sorted(samples)
    if len(points) < 2 or "error" in result:
        return result
    first = samples[points[0]].seconds
    result["points"] = points
    result["time"] = [samples[point].seconds / first for point in points]
    result["growth_mib"] = [samples[point].growth / MEBI for point in points]
    result["exponent"] = exponent(points, result["time"])
    result["last_exponent"] = exponent(points[-2:], result["time"][-2:])
    # A page more or less says nothing: everything below 1 MiB counts as 1 MiB.
    result["memory_exponent"] = exponent(points, [max(1.0, size) for size in result["growth_mib"]])
    return result


def exponent(points: Sequence[float], values: Sequence[float]) -> float:
    """The slope of a line through the logarithms, by least squares."""
    x = [math.log(point) for point in points]
    y = [math.log(value) for value in values]
    mean_x, mean_y = statistics.fmean(x), statistics.fmean(y)
    below = sum((a - mean_x) ** 2 for a in x)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y)) / below

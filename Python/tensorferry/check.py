"""Checks a report of `tensorferry verify --json` again, without TensorFerry.

    python -m tensorferry.check report.json model reference
    python check.py report.json model reference              the same; needs numpy and h5py alone

Status 0: accepted. 1: rejected. 2: unreadable. 3: there is something that it cannot check.
What is proven and what is taken on trust: docs/reference/proof.md.
"""

import hashlib
import json
import math
import sys
from collections import namedtuple
from fractions import Fraction
from functools import partial

import h5py
import numpy as np

ONE = 1 << 1500
TINY = Fraction(1, 1 << 1100)  # far above what a fraction is off by, far below every bound
ORDER = ["IDENTICAL", "TYPICAL", "EXPLAINED", "INCONCLUSIVE", "MISMATCH_PROVEN"]
NUMBERS = "nonfinite max_abs bound utilisation at reference ours oracle case".split()


class Ended(Exception):
    """With a status and a sentence."""


def demand(condition, sentence, status=1):
    if not condition:
        raise Ended(sentence, status)


def number(value):
    return float(value) if value in ("nan", "inf", "-inf") else value + 0.0


def same(a, b):
    return a == b or (a != a and b != b)


def power(x):
    """e to the power of x <= 0, as a fraction that is off by less than 2^-1400."""
    if x < -1000:
        return Fraction(0)
    y, n = -x.numerator * ONE // (x.denominator << 12), 0
    term = total = ONE  # of the series of e^y, in units of 1 / ONE; e^-x is (e^y)^4096
    while term:
        n += 1
        term = term * y // (n * ONE)
        total += term
    for _ in range(12):
        total = total * total // ONE
    return Fraction(ONE * ONE // total, ONE)


def exp(x):
    return np.vectorize(power, otypes=["O"])(x) if x.dtype == object else np.exp(x)


# How one side of a comparison rounds; `depth` additions above each term of a sum, or None: any.
Side = namedtuple("Side", "unit least_nonzero least_normal exp_ulps depth")
SINGLE = Side(2.0**-24, 2.0**-149, 2.0**-126, 1.0, None)
DOUBLE = Side(2.0**-53, 2.0**-1074, 2.0**-1022, 1.0, None)
KINDS = {"weights": ("f64", DOUBLE), "reference": ("f32", SINGLE), "engine": ("f32", SINGLE)}

# What an operator gives: its value, and a function from a side to how far that side may be off. It
# runs in float64 on whole arrays, and in fractions on those operands that make one element.
Result = namedtuple("Result", "value error terms slack", defaults=(0,))


def gamma(side, additions, others=0):
    k = (additions if side.depth is None else min(side.depth, additions)) + others
    return k * side.unit / (1 - k * side.unit) if k * side.unit < 1 else math.inf


def product(labels, left, right, bias=None, scaled=False):
    """Sums over i; every term passes a rounding and one for each addition above it."""
    names, result = labels.split(">")
    total = partial(np.einsum, ",".join(names.split()[:2]) + "->" + result, optimize=True)
    terms, slack, root = left.shape[names.index("i")], 0, 1
    if scaled:
        exact = left.dtype == object
        root = Fraction(math.isqrt(terms << 8000), 1 << 4000) if exact else math.sqrt(terms)
        slack = np.abs(left).sum(-1)[..., None] + np.abs(right).sum(-1)[..., None, :]
    value, magnitude = total(left, right) / root, total(np.abs(left), np.abs(right)) / root
    if bias is not None:
        value, magnitude = value + bias, magnitude + np.abs(bias)

    def error(side):
        growth = gamma(side, terms - (bias is None), 7 if scaled else 1)
        return growth * magnitude + (2 * terms + 1) * side.least_nonzero * (1 + growth)

    return Result(value, error, terms, slack)


def softmax(labels, scores):
    axis = labels.index("i")
    distance = scores.max(axis, keepdims=True) - scores
    powers, count = exp(-distance), scores.shape[axis]
    total = powers.sum(axis, keepdims=True)

    def error(side):
        u, e, share = side.unit, 2 * side.exp_ulps * side.unit, powers / total
        excess = (exp(-distance * (1 - u)) * (1 + e) - powers) / total
        if scores.dtype != object:  # in float64 this cancels where u * distance is small
            near = share * (np.expm1(np.minimum(u * distance, 1)) * (1 + e) + e)
            excess = np.where(u * distance <= 1, near, excess)
        spread, growth = excess.sum(axis, keepdims=True), gamma(side, count - 1)
        room = (1 - spread) * (1 - growth)
        factor = (2 * u + u * u + spread + growth - spread * growth) / room
        factor = np.where(room > 0, factor, math.inf)
        return share * factor + excess * (1 + factor) + (count + 2) * side.least_normal

    return Result(powers / total, error, count)


def attention_classifier(_):
    """Of each stage the name, the operator, dimensions of operands and result, and the operands."""
    yield "fc", product, "bni oi o>bno", "x fc.weight fc.bias"
    yield "attention_scores", product, "bni oi o>bno", "fc attention.weight attention.bias"
    yield "attention_weights", softmax, "bih>b.h", "attention_scores"
    yield "attended_x", product, "bin bih>bnh", "attention_weights fc"
    yield "output", product, "bni oi o>bno", "attended_x classifier.weight classifier.bias"


def self_attention(options):
    scores = partial(product, scaled=options["scaled"])
    yield "attention_scores", scores, "bqi bki>bqk", "x x"
    yield "attention_weights", softmax, "bqi>bq.", "attention_scores"
    yield "context", product, "bqi bik>bqk", "attention_weights x"


# The stages, and the axis that an array of two dimensions lacks.
MODELS = {"AttentionClassifier/1": (attention_classifier, 1), "SelfAttention/1": (self_attention, 0)}
SIZES = {"input_size": ("fc", 1), "hidden_size": ("fc", 0), "num_classes": ("classifier", 0)}


def opened(report, role, path):
    """The file of a role, if it is the one of the report."""
    hashes = [entry["sha256"] for entry in report["inputs"] if entry["role"] == role]
    demand(len(hashes) == 1, f"the {role} is {len(hashes)} files, one is checked here", 3)
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        for piece in iter(partial(file.read, 1 << 20), b""):
            digest.update(piece)
    demand(digest.hexdigest() == hashes[0], f"{path} is another {role} than the report's")
    if path.endswith(".safetensors"):
        return __import__("safetensors.numpy").numpy.load_file(path)
    demand(h5py.is_hdf5(path), f"{path} is neither HDF5 nor safetensors", 3)
    return h5py.File(path)


def array(file, name):
    item = file.get(name)
    if isinstance(item, h5py.Dataset):
        inside = item.file.filename == file.filename and not item.external and not item.is_virtual
        demand(inside and item.dtype.kind == "f", f"'{name}' is not an array of floats here", 3)
    return None if item is None else np.asarray(item[...], float)


# A stage in all cases, or in one.
Stage = namedtuple("Stage", "name run labels operands")
Values = namedtuple("Values", "shape judged operands value bound own margin side")


class Check:
    def __init__(self, report, model, reference):
        self.report, self.elements, self.numbers, self.near = report, 0, 0, 0
        self.model, self.file = opened(report, "model", model), opened(report, "reference", reference)
        manifest, name = json.loads(self.file.attrs["manifest"]), self.file.attrs["model"]
        told, self.cases = report["reference"], sorted(self.file["cases"], key=int)
        demand(report["model"] == name, f"the reference is one of {name}")
        demand(told["cases"] == len(self.cases), f"the reference has {len(self.cases)} cases")
        demand(told["manifest"] == manifest, "the manifest of the reference is another")
        known = name in MODELS and report["mapped"] is False and not manifest.get("flush_denormal")
        demand(known, "a mapping, flushed denormals, or a model whose stages are not known here", 3)
        stages, self.axis, options = *MODELS[name], report["configuration"]
        for key in SIZES.keys() & options:
            size = self.operand(SIZES[key][0] + ".weight").shape[SIZES[key][1]]
            demand(options[key] == size, f"the {key} is {size}, not {options[key]}")
        stages = [Stage(*stage[:3], stage[3].split()) for stage in stages(options)]
        names = [stage["name"] for stage in report["stages"]]
        demand(names == [stage.name for stage in stages], f"the stages are not those of {name}")
        verdicts, blames = zip(*map(self.stage, report["stages"], stages))
        refuted = verdicts.index(ORDER[-1]) if ORDER[-1] in verdicts else None
        other = any(entry["different"] for entry in report["identity"] or [])
        blame = "reference" if other else "neither"
        for key, value in {
            "verdict": ORDER[-1] if other else max(verdicts, key=ORDER.index),
            "blame": blame if refuted is None else blames[refuted],
            "first_divergence": None if refuted is None else names[refuted],
            "compared": sum(stage["compared"] for stage in report["stages"]),
        }.items():
            demand(report[key] == value, f"the {key} that follows is {value}, not {report[key]}")

    def operand(self, name, case="", precision=""):
        if name.endswith((".weight", ".bias")):
            x = array(self.model, name)
            demand(x is not None, f"the model file has no '{name}'", 3)
            return x
        place = "inputs/x" if name == "x" else f"stages/{name}/{precision}"
        x = array(self.file, f"cases/{case}/{place}")
        return x if x is None or x.ndim != 2 else np.expand_dims(x, self.axis)

    def values(self, stage, operands, recorded, side):
        with np.errstate(all="ignore"):
            result = stage.run(stage.labels, *operands)
            own = np.ravel(result.error(DOUBLE))
            bound = np.ravel(result.error(side)) + own + np.ravel(result.slack * side.least_nonzero)
        demand(recorded.size == own.size, "a stage of the reference has another shape", 3)
        margin = 4 * max(2.0**-40, (result.terms + 32) * 2.0**-52)  # what the bound is raised by
        judged, self.numbers = recorded.ravel(), self.numbers + own.size
        return Values(recorded.shape, judged, operands, result.value, bound, own, margin, side)

    def probes(self, weight, bias, rows):
        z = np.arange(1, rows * weight.shape[1] + 1, dtype=np.uint64)
        z = z * np.uint64(0x9E3779B97F4A7C15)
        z = z + np.uint64(json.loads(self.file.attrs["probes"])["seed"])
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = (2 * ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype(float) + 1 - 2**24) / 2**24
        return [x.reshape(1, rows, -1), weight, bias]

    def exact(self, stage, v, flat):
        """In fractions: the value of an element, its bound, the error of an oracle in float64."""
        self.elements += 1
        names, result = stage.labels.split(">")
        at = dict(zip(result, map(int, np.unravel_index(flat, v.value.shape))))
        parts = [
            o[tuple(slice(at[i], at[i] + 1) if i in at else slice(None) for i in name)]
            for name, o in zip(names.split(), v.operands)
        ]  # scores may be -inf
        exact = (np.vectorize(Fraction, otypes=["O"])(np.maximum(o, -1.7e308)) for o in parts)
        result, place = stage.run(stage.labels, *exact), at.get(".", 0)
        side, double = (Side(*map(Fraction, s[:4]), s.depth) for s in (v.side, DOUBLE))
        own, off = (np.ravel(result.error(s))[place] for s in (double, side))
        high = own + off + np.ravel(result.slack)[0] * side.least_nonzero
        return np.ravel(result.value)[place], high, own

    def certificate(self, where, stage, kind, claim, cases):
        """Checks the element on which a certificate hangs, and that no other one is worse."""
        count = sum(v.judged.size for v in cases.values())
        demand(claim["id"] == kind and claim["compared"] == count, f"{where}: {count} values are there")
        if count == 0:
            return math.nan
        v, numbers = cases[claim["case"]], "oracle bound utilisation max_abs reference".split()
        flat = int(np.ravel_multi_index(claim["at"], v.shape))
        oracle, bound, use, largest, there = (number(claim[key]) for key in numbers)
        judged = number(claim["ours"]) if kind == "engine" else there
        away = np.abs(np.float64(judged) - oracle)
        ratio = (away / bound if away else 0.0) if np.isfinite([away, bound]).all() else math.nan
        rounding = {**v.side._asdict(), "erf_units": 32, "weight_difference": 0}
        demand(claim["rounding"] == rounding, f"{where}: the rounding is {rounding}")
        demand(repr(there) == repr(float(v.judged[flat])), f"{where}: {v.judged[flat]} is recorded")
        demand(repr(use) == repr(float(ratio)), f"{where}: the utilisation of these numbers is {ratio}")
        if np.isfinite([v.value.flat[flat], v.bound[flat]]).all():
            value, high, own = self.exact(stage, v, flat)
            demand(abs(Fraction(oracle) - value) <= own + TINY, f"{where}: the oracle is {float(value)}")
            fits = high - TINY <= Fraction(bound) <= high * (1 + Fraction(v.margin))
            demand(fits, f"{where}: the bound is {float(high)}")
            beyond = use > 1 and abs(Fraction(judged) - value) <= high - own
            demand(not beyond, f"{where}: rounding explains the difference")
        else:
            demand(math.isnan(use), f"{where}: the oracle or the bound is not finite")
        blind, nonfinite, low, high = False, 0, 0.0, 0.0
        limit = 1.0 if math.isnan(use) else use
        for v in cases.values():
            most = limit * v.bound * (1 + v.margin)
            off = most if kind == "engine" else np.abs(v.judged - v.value.ravel())
            fine = np.isfinite(off)
            blind, nonfinite = blind or not (fine & np.isfinite(v.bound)).all(), nonfinite + (~fine).sum()
            low = max(low, np.max((off - 2 * v.own)[fine], initial=0))
            high = max(high, np.max((off + 2 * v.own)[fine], initial=0))
            worse = kind != "engine" and (off - 2 * v.own > most).any()
            demand(not worse, f"{where}: another element has a higher utilisation than {use}")
            for i in np.flatnonzero((off > v.bound) & (kind != "engine" and limit <= 1)):
                value, bound, own = self.exact(stage, v, int(i))
                demand(abs(Fraction(v.judged[i]) - value) <= bound + own, f"{where}: element {i} is off")
        if kind == "engine":
            low, nonfinite = away, 0 if use <= 1 else claim["nonfinite"]
        else:
            demand(use > 1 or blind == math.isnan(use), f"{where}: the utilisation is not {use}")
        demand(nonfinite == claim["nonfinite"], f"{where}: {nonfinite} values are not finite")
        demand(low <= largest and (largest <= high or use > 1), f"{where}: max_abs is not {largest}")
        return use

    def stage(self, claim, stage):
        cases, lacking, uses = {kind: {} for kind in KINDS}, set(), []
        for (kind, (precision, side)), told in zip(KINDS.items(), claim["certificates"]):
            side = side._replace(depth=told["rounding"] and told["rounding"]["depth"])
            for case in self.cases:
                found = [self.operand(name, case, precision) for name in stage.operands]
                recorded = array(self.file, f"cases/{case}/stages/{stage.name}/{precision}")
                if recorded is None or any(x is None for x in found):
                    lacking.add(precision)
                else:
                    cases[kind][case] = self.values(stage, found, recorded, side)
            recorded = array(self.file, f"probes/{stage.name}/f64")
            if kind == "weights" and recorded is not None:
                found = self.probes(*map(self.operand, stage.operands[1:]), len(recorded))
                cases[kind]["probes"] = self.values(stage, found, recorded, side)
            where = f"stage '{stage.name}', certificate '{kind}'"
            uses.append(self.certificate(where, stage, kind, told, cases[kind]))
        weights, reference, engine = claim["certificates"]
        for told in (weights, reference):
            v = cases["engine"].get(told["case"])
            demand((v is None) == (told["ours"] is None), f"{stage.name}: a value of the engine is missing")
            if v is not None and uses[2] <= 1:
                flat = int(np.ravel_multi_index(told["at"], v.shape))
                off = abs(number(told["ours"]) - v.value.flat[flat]) - 2 * v.own[flat]
                demand(off <= uses[2] * v.bound[flat] * (1 + v.margin), f"{stage.name}: ours is off")
        equal = claim["equal_bits"] == engine["compared"]
        members = NUMBERS if reference["rounding"] == engine["rounding"] else NUMBERS[:2]
        demand(
            not equal or all(reference[key] == engine[key] for key in members),
            f"{stage.name}: values with equal bits have unequal certificates",
        )
        holds, refuted = [use <= 1 for use in uses], [use > 1 for use in uses]
        enough = "f32" not in lacking and holds[1] and holds[2]
        enough = enough and (holds[0] or ("f64" in lacking and weights["compared"] == 0))
        verdict = ORDER[0 if equal and "f64" not in lacking else 2] if enough else ORDER[3]
        verdict = ORDER[4] if any(refuted) else verdict
        graded = claim["verdict"] == "TYPICAL" and verdict == "EXPLAINED" and "z_max" in reference
        demand(claim["verdict"] == verdict or graded, f"the verdict on '{stage.name}' is {verdict}")
        blame = [["neither", "engine"], ["reference", "both"]][refuted[0] or refuted[1]][refuted[2]]
        demand(claim["blame"] == blame, f"the blame for '{stage.name}' is {blame}")
        worst = [c for c in claim["certificates"] if c["utilisation"] is not None]
        worst = max(worst, key=lambda c: rank(number(c["utilisation"])), default=weights)
        fits = all(claim[key] == worst[key] for key in NUMBERS)
        fits = fits and claim["certificate"] == (worst["utilisation"] is not None and worst["id"] or None)
        demand(fits, f"the numbers of '{stage.name}' are not those of its worst certificate")
        most = max(c["compared"] for c in claim["certificates"])
        demand(claim["compared"] == most, f"{most} values of '{stage.name}' were compared")
        return claim["verdict"], blame


def rank(use):
    return (2, use) if use > 1 else (1, 0) if math.isnan(use) else (0, use)


def main(arguments):
    try:
        demand(len(arguments) == 3, __doc__, 2)
        with open(arguments[0], encoding="utf-8") as file:
            report = json.load(file)
        with np.errstate(all="ignore"):
            check = Check(report, *arguments[1:])
    except Ended as ended:
        sentence, status = ended.args
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        sentence, status = str(error), 2
    except (KeyError, TypeError, ValueError, IndexError, ArithmeticError, AttributeError) as error:
        sentence, status = f"the report is malformed: {error!r}", 1
    else:
        print(f"checked  {check.numbers} values in float64, {check.elements} in exact fractions")
        print("trusted  the engine's float32 values; identity, coverage and all other members")
        sentence, status = report["verdict"], 0
    print(f"{('ACCEPTED', 'REJECTED', 'UNREADABLE', 'NOT CHECKED')[status]}: {sentence}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Checks a report of `tensorferry verify --json` again, by itself; see docs/reference/proof.md.

    python -m tensorferry.check report.json model reference

It needs no other file of this package: `python check.py` does the same with numpy and h5py alone.
Status 0: accepted. 1: rejected. 2: unreadable. 3: there is something that it cannot check.
"""

import hashlib
import importlib
import json
import math
import sys
from collections import namedtuple
from decimal import Context
from fractions import Fraction
from functools import partial

import h5py
import numpy as np

DIGITS = Context(prec=500, traps=[])  # rounds exp and sqrt correctly
TINY = Fraction(1, 1 << 1100)  # far above what a fraction is off by, far below every bound
ORDER = ["IDENTICAL", "TYPICAL", "EXPLAINED", "INCONCLUSIVE", "MISMATCH_PROVEN"]
NUMBERS = "oracle bound utilisation max_abs nonfinite at reference ours case".split()
Ended = type("Ended", (Exception,), {})  # with a sentence and a status
FRACTIONS = np.vectorize(lambda x: Fraction(max(x, -1.7e308)), otypes=["O"])  # for scores of -inf


def demand(condition, sentence, status=1):
    if not condition:
        raise Ended(sentence, status)


def agree(where, told, **facts):
    for key, fact in facts.items():
        demand(told[key] in (fact, str(fact)), f"{where}: {key} is {fact}, not {told[key]}")


def exp(x, less=0):
    """e to the power of x <= 0, perhaps less 1; of fractions fractions, off by up to 10^-400."""
    if x.dtype != object:
        return np.expm1(x) if less else np.exp(x)
    ratios = (max(f, -1000).as_integer_ratio() for f in x.flat)
    powers = [Fraction(DIGITS.exp(DIGITS.divide(*ratio))) - less for ratio in ratios]
    return np.array(powers).reshape(x.shape)


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


def product(labels, left, right, bias=0, scaled=False):
    """Sums over i; every term passes a rounding and one for each addition above it."""
    names, result = labels.split(">")
    total = partial(np.einsum, ",".join(names.split()[:2]) + "->" + result, optimize=True)
    terms, slack, root = left.shape[names.index("i")], 0, 1
    if scaled:
        root = Fraction(DIGITS.sqrt(terms)) if left.dtype == object else math.sqrt(terms)
        slack = np.abs(left).sum(-1)[..., None] + np.abs(right).sum(-1)[..., None, :]
    value, magnitude = total(left, right) / root, total(np.abs(left), np.abs(right)) / root
    value, magnitude = value + bias, magnitude + np.abs(bias)

    def error(side):
        growth = gamma(side, terms - (names.count(" ") < 2), 7 if scaled else 1)
        return growth * magnitude + (2 * terms + 1) * side.least_nonzero * (1 + growth)

    return Result(value, error, terms, slack)


def softmax(labels, scores):
    axis = labels.index("i")
    distance = scores.max(axis, keepdims=True) - scores
    powers, count = exp(-distance), scores.shape[axis]
    total = powers.sum(axis, keepdims=True)

    def error(side):
        u, e, share = side.unit, 2 * side.exp_ulps * side.unit, powers / total
        # exp(-distance * (1 - u)) * (1 + e) - exp(-distance), where that would cancel
        excess = exp(-distance * (1 - u)) * (e - exp(-distance * u, less=1)) / total
        spread, growth = excess.sum(axis, keepdims=True), gamma(side, count - 1)
        room = (1 - spread) * (1 - growth)
        factor = (2 * u + u * u + spread + growth - spread * growth) / room
        bound = share * factor + excess * (1 + factor) + (count + 2) * side.least_normal
        return np.where(room > 0, bound, math.inf)

    return Result(powers / total, error, count)


# Of each stage the name, the operator, the dimensions of operands and result, and the operands.
MODELS = {
    "AttentionClassifier/1": (
        ("fc", product, "bni oi o>bno", "x fc.weight fc.bias"),
        ("attention_scores", product, "bni oi o>bno", "fc attention.weight attention.bias"),
        ("attention_weights", softmax, "bih>b.h", "attention_scores"),
        ("attended_x", product, "bin bih>bnh", "attention_weights fc"),
        ("output", product, "bni oi o>bno", "attended_x classifier.weight classifier.bias"),
    ),
    "SelfAttention/1": (
        ("attention_scores", None, "bqi bki>bqk", "x x"),  # a product, perhaps scaled
        ("attention_weights", softmax, "bqi>bq.", "attention_scores"),
        ("context", product, "bqi bik>bqk", "attention_weights x"),
    ),
}


def opened(report, role, path):
    """The file of a role, if it is the one of the report."""
    hashes = [entry["sha256"] for entry in report["inputs"] if entry["role"] == role]
    demand(len(hashes) == 1, f"the {role} is {len(hashes)} files, one is checked here", 3)
    digest = hashlib.sha256(np.memmap(path, np.uint8, "r")).hexdigest()
    demand(digest == hashes[0], f"{path} is another {role} than the report's")
    if path.endswith(".safetensors") and role == "model":
        return importlib.import_module("safetensors.numpy").load_file(path)
    demand(h5py.is_hdf5(path), f"{path} is of a format that is not read here", 3)
    return h5py.File(path)


def array(file, name):
    item = file.get(name)
    if isinstance(item, h5py.Dataset):
        inside = item.file.filename == file.filename and not item.external and not item.is_virtual
        demand(inside and item.dtype.kind == "f", f"'{name}' is not an array of floats here", 3)
    return None if item is None else np.asarray(item[...], float)


Values = namedtuple("Values", "recorded operands value bound own margin side")


class Check:
    def __init__(self, report, model, reference):
        self.model = opened(report, "model", model)
        self.file = opened(report, "reference", reference)
        texts, claims, name = self.file.attrs, report["stages"], self.file.attrs["model"]
        manifest, options = json.loads(texts["manifest"]), json.loads(texts["configuration"])
        self.cases = sorted(self.file["cases"], key=int)
        agree("reference", report["reference"], cases=len(self.cases), manifest=manifest)
        known = not report["mapped"] and not manifest.get("flush_denormal") and name in MODELS
        known = known and report["configuration"] == options
        demand(known, "an unknown model, other options, a mapping, or denormals were flushed", 3)
        demand([c["name"] for c in claims] == [s[0] for s in MODELS[name]], "the stages are others")
        self.axis = 1 if name == "AttentionClassifier/1" else 0  # what x may lack
        for claim, (stage, run, labels, operands) in zip(claims, MODELS[name]):
            run = partial(run or partial(product, scaled=options["scaled"]), labels)
            self.stage(claim, stage, run, labels, operands.split())
        other = any(entry["different"] for entry in report["identity"] or [])
        nobody = {"name": None, "blame": "reference" if other else "neither"}
        first = next((claim for claim in claims if claim["verdict"] == ORDER[-1]), nobody)
        verdict = ORDER[-1] if other else max((c["verdict"] for c in claims), key=ORDER.index)
        agree("report", report, model=name, verdict=verdict, first_divergence=first["name"])
        agree("report", report, blame=first["blame"], compared=sum(c["compared"] for c in claims))

    def operand(self, name, case, precision, recorded):
        if name.endswith((".weight", ".bias")):
            demand(name in self.model, f"the model file has no '{name}'", 3)
            return array(self.model, name)
        if case == "probes":  # SplitMix64
            shape = 1, len(recorded), len(recorded) // 2 - 1
            z = np.arange(1, math.prod(shape) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            z = z + np.uint64(json.loads(self.file.attrs["probes"])["seed"])
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype(float)
            return ((2 * z + 1 - 2**24) / 2**24).reshape(shape)
        place = "inputs/x" if name == "x" else f"stages/{name}/{precision}"
        x = array(self.file, f"cases/{case}/{place}")
        return x if x is None or x.ndim != 2 else np.expand_dims(x, self.axis)

    def stage(self, claim, name, run, labels, operands):
        cases, lacking, uses, told = {k: {} for k in KINDS}, set(), [], claim["certificates"]
        for certificate, (kind, (precision, side)) in zip(told, KINDS.items()):
            agree(name, certificate, id=kind)
            side = side._replace(depth=certificate["rounding"] and certificate["rounding"]["depth"])
            for case in [*self.cases, "probes"]:
                place = f"probes/{name}" if case == "probes" else f"cases/{case}/stages/{name}"
                recorded = array(self.file, f"{place}/{precision}")
                if case == "probes" and recorded is None:
                    continue
                found = [self.operand(o, case, precision, recorded) for o in operands]
                whole = recorded is None or all(x is not None for x in found)
                demand(whole, f"{name}: a stage that it takes is not recorded", 3)
                if recorded is None:
                    lacking.add(precision)
                else:
                    cases[kind][case] = self.values(run, found, recorded, side)
            uses.append(self.certificate(f"{name}, {kind}", certificate, cases[kind], run, labels))
        equal = claim["equal_bits"] == told[2]["compared"] and "f64" not in lacking
        if equal and told[1]["rounding"] == told[2]["rounding"]:
            agree(f"{name}, equal bits", told[1], **{key: told[2][key] for key in NUMBERS})
        holds, refuted = [use <= 1 for use in uses], [use > 1 for use in uses]
        known = all(holds[1:]) and "f32" not in lacking
        known = known and (holds[0] or ("f64" in lacking and told[0]["compared"] == 0))
        tier = 0 if equal else 1 if claim["verdict"] == "TYPICAL" and "z_max" in str(claim) else 2
        verdict = ORDER[4 if any(refuted) else tier if known else 3]
        blame = [["neither", "engine"], ["reference", "both"]][refuted[0] or refuted[1]][refuted[2]]
        worst = [i for i in range(3) if told[i]["case"] is not None]
        worst = max(worst, key=lambda i: (uses[i] > 1, uses[i] != uses[i], uses[i]), default=None)
        agree(name, claim, certificate=None if worst is None else told[worst]["id"])
        agree(name, claim, **{key: told[worst or 0][key] for key in NUMBERS})
        agree(name, claim, verdict=verdict, blame=blame, compared=max(c["compared"] for c in told))

    def values(self, run, operands, recorded, side):
        result = run(*operands)
        own = np.ravel(result.error(DOUBLE))
        bound = np.ravel(result.error(side)) + own + np.ravel(result.slack * side.least_nonzero)
        demand(recorded.size == own.size, "a stage of the reference has another shape", 3)
        margin = 4 * Fraction(max(2.0**-40, (result.terms + 32) * 2.0**-52))  # of raised bounds
        return Values(recorded, operands, result.value, bound, own, margin, side)

    def exact(self, run, labels, v, flat):
        """In fractions: the value of an element, its bound, the error of an oracle in float64."""
        names, result = labels.split(">")
        at = dict(zip(result, map(int, np.unravel_index(flat, v.value.shape))))
        cut = {label: slice(k, k + 1) for label, k in at.items()}
        parts = zip(names.split(), v.operands)
        parts = (o[tuple(cut.get(label, slice(None)) for label in n)] for n, o in parts)
        result, place = run(*map(FRACTIONS, parts)), at.get(".", 0)
        side, double = (Side(*map(Fraction, s[:4]), s.depth) for s in (v.side, DOUBLE))
        own, off = (np.ravel(result.error(s))[place] for s in (double, side))
        high = own + off + np.ravel(result.slack)[0] * side.least_nonzero
        return np.ravel(result.value)[place], high, own

    def certificate(self, where, told, cases, run, labels):
        """Checks the element on which a certificate hangs, and that no other one is worse."""
        agree(where, told, compared=sum(v.recorded.size for v in cases.values()))
        if not cases:
            agree(where, told, **dict(dict.fromkeys(NUMBERS), nonfinite=0), rounding=None)
            return math.nan
        v = cases[told["case"]]
        flat = int(np.ravel_multi_index(told["at"], v.recorded.shape))
        agree(where, told, rounding={**v.side._asdict(), "erf_units": 32, "weight_difference": 0})
        judged = np.float64(told["ours" if told["id"] == "engine" else "reference"])
        oracle, bound, use, largest = (float(told[key]) for key in NUMBERS[:4])
        away = np.abs(judged - oracle)
        ratio = (away / bound if away else 0.0) if np.isfinite([away, bound]).all() else math.nan
        agree(where, told, reference=float(v.recorded.flat[flat]), utilisation=float(ratio))
        if np.isfinite([v.value.flat[flat], v.bound[flat]]).all():
            value, high, own = self.exact(run, labels, v, flat)
            demand(abs(Fraction(oracle) - value) <= own + TINY, f"{where}: oracle {float(value)}")
            fits = high - TINY <= Fraction(bound) <= high * (1 + v.margin)
            demand(fits, f"{where}: bound is {float(high)}, not {bound}")
            proven = not use > 1 or abs(Fraction(judged) - value) > high - own
            demand(proven, f"{where}: rounding explains the difference")
        else:
            demand(math.isnan(use), f"{where}: the oracle or the bound is not finite")
        if told["id"] == "engine":  # nothing else of it is in a file
            agree(where, told, **{"nonfinite": 0} if use <= 1 else {})
            return use
        limit, blind, nonfinite, least, most = 1.0 if math.isnan(use) else use, False, 0, 0.0, 0.0
        for v in cases.values():
            off = np.abs(v.recorded.ravel() - v.value.ravel())
            finite = np.isfinite(off)
            worse = (off - 2 * v.own > limit * v.bound * float(1 + v.margin)).any()
            demand(not worse, f"{where}: another element has a higher utilisation than {use}")
            blind = blind or not (finite & np.isfinite(v.bound)).all()
            nonfinite += int((~finite).sum())
            least = np.max((off - 2 * v.own)[finite], initial=least)
            most = np.max((off + 2 * v.own)[finite], initial=most)
            for i in np.flatnonzero((off > v.bound) & (limit <= 1)):
                value, high, own = self.exact(run, labels, v, int(i))
                fits = abs(Fraction(v.recorded.flat[i]) - value) <= high + own
                demand(fits, f"{where}: rounding does not explain element {i}")
        agree(where, told, nonfinite=nonfinite)
        demand(use > 1 or blind == math.isnan(use), f"{where}: utilisation is not {use}")
        demand(least <= largest <= most, f"{where}: max_abs is {least} to {most}, not {largest}")
        return use


def main(arguments):
    try:
        demand(len(arguments) == 3, __doc__, 2)
        with open(arguments[0], encoding="utf-8") as file, np.errstate(all="ignore"):
            report = json.load(file)
            Check(report, *arguments[1:])
        print("checked  all recorded values in float64, those that decide in exact fractions")
        print("trusted  the engine's float32 values, what rounding is assumed, all other members")
        sentence, status = report["verdict"], 0
    except Ended as ended:
        sentence, status = ended.args
    except (OSError, LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        unreadable = isinstance(error, (OSError, UnicodeError, json.JSONDecodeError))
        sentence, status = repr(error), 2 if unreadable else 1
    print(f"{('ACCEPTED', 'REJECTED', 'UNREADABLE', 'NOT CHECKED')[status]}: {sentence}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

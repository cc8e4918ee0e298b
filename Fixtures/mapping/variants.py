"""Writes a TransformerClassifier's tensors under the names and in the layouts of other projects.

    variants.py SEED COUNT [--hard] [--layers N]

Prints JSON: {seed, variants: [{style, traits, targets, sources, truth}]}. `targets` and `sources`
are lists of {name, shape, dtype}; `truth` says for every target from which sources it comes and
how: transforms in order, each source's own before "concatenate"; null if the way cannot be said in
them, or if there is no source. Any guess at such a target is wrong.

Every truth is carried out on arrays of distinct numbers here, and must give the target's array.

The styles take turns. Of the random ones, 3 in 10 have opaque names; of the others 1 in 25 is of a
dialect that forces a question. With --hard every variant has something in it that must not be
guessed: opaque names, fused matrices in an order that the name does not tell, copies, squares
without a clue, parts that are missing, a number of layers that is not the model's. `traits` says
what.
"""

from __future__ import annotations

import argparse
import json
import random

import numpy as np

import dialects

STYLES = ("HF", "timm", "Keras", "MLX", "random")
RARE = 0.04
OPAQUE = 0.3
TRAPS = (
    "copy", "decoder", "square classifier", "one class", "square feed-forward", "missing tensor",
    "missing module", "odd layers", "rare", "opaque",
)  # fmt: skip


class Variant:
    def __init__(self, rng: random.Random, style: str, layers: int, hard: bool):
        self.rng, self.style, self.layers = rng, style, layers
        self.trap = rng.choice(TRAPS) if hard else ""
        self.traits: list[str] = []
        self.sources: list[dict] = []
        self.arrays: dict[str, np.ndarray] = {}
        self.truth: dict[str, dict | None] = {}
        self.heads = rng.choice((2, 3, 4))
        self.width = self.heads * rng.choice((5, 6, 7, 8, 10))
        self.inner = rng.choice(
            (2 * self.width, 4 * self.width, 3 * self.width, 2 * self.width + 6)
        )
        self.classes = rng.randint(2, 9)
        self.dialect = self.pick_dialect()
        if self.trap and self.trap not in self.traits:
            self.traits.append(self.trap)
        if self.trap == "square classifier":
            self.classes = self.width
        if self.trap == "one class":
            self.classes = 1
        if self.trap == "square feed-forward":
            self.inner = self.width
        self.targets = self.make_targets()
        self.write()

    # What the model has.

    def make_targets(self) -> dict[str, np.ndarray]:
        e, f, c = self.width, self.inner, self.classes
        shapes = {}
        for i in range(self.layers):
            p = f"encoder.layers.{i}."
            shapes |= {
                p + "self_attn.in_proj_weight": (3 * e, e), p + "self_attn.in_proj_bias": (3 * e,),
                p + "self_attn.out_proj.weight": (e, e), p + "self_attn.out_proj.bias": (e,),
                p + "linear1.weight": (f, e), p + "linear1.bias": (f,),
                p + "linear2.weight": (e, f), p + "linear2.bias": (e,),
                p + "norm1.weight": (e,), p + "norm1.bias": (e,),
                p + "norm2.weight": (e,), p + "norm2.bias": (e,),
            }  # fmt: skip
        shapes |= {
            "encoder.norm.weight": (e,), "encoder.norm.bias": (e,),
            "attention.weight": (1, e), "attention.bias": (1,),
            "classifier.weight": (c, e), "classifier.bias": (c,),
        }  # fmt: skip
        arrays, start = {}, 0
        for name, shape in shapes.items():
            size = int(np.prod(shape))
            arrays[name] = np.arange(start, start + size).reshape(shape)
            start += size
        return arrays

    # What a file has.

    def pick_dialect(self) -> dict:
        rng = self.rng
        rare = self.trap == "rare" or rng.random() < RARE
        if self.style == "random":
            if self.trap == "opaque" or rng.random() < OPAQUE:
                self.traits.append("opaque")
            elif rare:
                self.traits.append("rare")
                return dialects.ANNOTATED
            return self.recombined()
        lists = {
            "HF": (dialects.HF, dialects.HF_RARE),
            "timm": (dialects.TIMM, dialects.TIMM_RARE),
            "Keras": (dialects.KERAS, dialects.KERAS),
            "MLX": (dialects.MLX, dialects.MLX_RARE),
        }[self.style]
        if self.trap == "opaque":
            self.traits.append("opaque")
        elif rare:
            self.traits.append("rare")
        return rng.choice(lists[rare])

    def recombined(self) -> dict:
        pick = {part: self.rng.choice(names) for part, names in dialects.PARTS.items()}
        fused = isinstance(pick["qkv"], str)
        attention = (pick["qkv"] if fused else pick["qkv"][0]).split(".")[0]
        made = dialects.dialect(
            pick["block"],
            pick["qkv"],
            pick["out"].format(a=attention),
            *pick["ff"],
            *pick["norms"],
            pick["final"],
        )
        made["store"] = self.rng.choice(("out", "out", "in"))
        made["first"] = self.rng.choice((0, 0, 1))
        return made

    def add(self, name: str, array: np.ndarray, dtype: str = "F32") -> str:
        if name in self.arrays:
            raise ValueError(f"{name} twice in {self.style}")
        self.arrays[name] = array
        self.sources.append({"name": name, "shape": list(array.shape), "dtype": dtype})
        return name

    def matrix(self, array: np.ndarray, heads: str = "") -> tuple[np.ndarray, list]:
        """How the dialect stores a matrix [out, in], and the way back."""
        store = self.dialect["store"]
        if store == "out":
            return array, []
        array = array.T
        if store == "in" or not heads:
            return array, [{"op": "transpose"}]
        size = self.width // self.heads
        shape = (self.width, self.heads, size) if heads == "out" else (self.heads, size, self.width)
        return array.reshape(shape), [
            {"op": "reshape", "shape": [self.width] * 2},
            {"op": "transpose"},
        ]

    def layer(self, name: str, target: str, leaves, heads: str = "", outside: bool = False) -> None:
        weight, bias = self.targets[target + ".weight"], self.targets[target + ".bias"]
        way: list = []
        if weight.ndim == 2 and not (outside and self.dialect is dialects.GPT2):
            weight, way = self.matrix(weight, heads)
        self.truth[target + ".weight"] = {
            "sources": [self.add(name + leaves[0], weight)],
            "transforms": way,
        }
        self.truth[target + ".bias"] = {
            "sources": [self.add(name + leaves[1], bias)],
            "transforms": [],
        }

    def attention_inputs(self, block: str, target: str, i: int) -> None:
        qkv, leaves = self.dialect["qkv"], self.dialect["leaves"]
        weight, bias = (
            self.targets[target + "in_proj_weight"],
            self.targets[target + "in_proj_bias"],
        )
        if isinstance(qkv, str):
            name = block + self.named(qkv, i)
            # torch and CLIP write in_proj_weight, everyone else a module
            if qkv.endswith("in_proj") and self.dialect["leaves"] == dialects.WEIGHT:
                leaves = ("_weight", "_bias")
            weight, way = self.matrix(weight)
            if self.dialect["order"] == "heads":
                weight, bias, way = weight[::-1], bias[::-1], None
            elif len(set(weight.shape)) < 2:
                raise ValueError("a fused matrix is not square")
            names = self.add(name + leaves[0], weight), self.add(name + leaves[1], bias)
            self.truth[target + "in_proj_weight"] = {"sources": [names[0]], "transforms": way}
            self.truth[target + "in_proj_bias"] = {
                "sources": [names[1]], "transforms": None if way is None else []
            }  # fmt: skip
            return
        weights, biases, ways, bias_way = [], [], [], []
        for name, part, piece in zip(qkv, np.split(weight, 3), np.split(bias, 3)):
            name = block + self.named(name, i).rstrip(".")
            part, way = self.matrix(part, "out")
            if self.dialect["store"] == "heads":
                piece, bias_way = (
                    piece.reshape(self.heads, -1),
                    [{"op": "reshape", "shape": [self.width]}],
                )
            weights.append(self.add(name + leaves[0], part))
            biases.append(self.add(name + leaves[1], piece))
            ways = way
        join = [{"op": "concatenate", "axis": 0}]
        self.truth[target + "in_proj_weight"] = {"sources": weights, "transforms": ways + join}
        self.truth[target + "in_proj_bias"] = {"sources": biases, "transforms": bias_way + join}

    def named(self, name: str, i: int) -> str:
        """Fills in the number of the layer, and Keras's counters: the first has no number."""
        counters = {"{_i}": i, "{_2i}": 2 * i, "{_2i+1}": 2 * i + 1}
        for mark, value in counters.items():
            name = name.replace(mark, f"_{value}" if value else "")
        return name.replace("{i}", str(i + self.dialect["first"]))

    def write(self) -> None:
        d, rng = self.dialect, self.rng
        separator = "/" if self.style == "Keras" else "."
        prefix = rng.choice(dialects.PREFIX[self.style])
        self.extras_before(prefix, separator)
        for i in range(self.layers):
            block, target = prefix + self.named(d["block"], i), f"encoder.layers.{i}."
            self.attention_inputs(block, target + "self_attn.", i)
            for part, to, leaves in (
                ("out", "self_attn.out_proj", "leaves"),
                ("ff1", "linear1", "leaves"),
                ("ff2", "linear2", "leaves"),
                ("norm1", "norm1", "norms"),
                ("norm2", "norm2", "norms"),
            ):
                name = block + self.named(d["names"][part], i)
                self.layer(name, target + to, d[leaves], "in" if part == "out" else "")
        pool, head = rng.choice(dialects.POOL[separator]), rng.choice(dialects.HEAD[separator])
        root = rng.choice(("", prefix))
        self.layer(prefix + d["final"], "encoder.norm", d["norms"])
        self.layer(root + pool, "attention", d["leaves"], outside=True)
        self.layer(root + head, "classifier", d["leaves"], outside=True)
        self.check()
        if "opaque" in self.traits:
            self.make_opaque()
        self.extras_after(prefix, separator)
        if rng.random() < 0.3:
            self.traits.append("shuffled")
            rng.shuffle(self.sources)
        elif rng.random() < 0.3:
            self.sources.sort(key=lambda source: source["name"])  # as h5py lists them

    # What does not belong to the model.

    def zeros(self, name: str, *shape: int, dtype: str = "F32") -> None:
        self.add(name, np.full(shape, -1), dtype)

    def extras_before(self, prefix: str, s: str) -> None:
        rng, e = self.rng, self.width
        if rng.random() < 0.6:
            return
        self.traits.append("embeddings")
        if self.style == "HF":
            for name, rows in (("word", 101), ("position", 64), ("token_type", 2)):
                self.zeros(f"{prefix}embeddings.{name}_embeddings.weight", rows, e)
            self.zeros(prefix + "embeddings.position_ids", 1, 64, dtype="I64")
            self.zeros(prefix + "embeddings.LayerNorm.weight", e)
            self.zeros(prefix + "embeddings.LayerNorm.bias", e)
        elif self.style in ("timm", "MLX"):
            self.zeros(prefix + "cls_token", 1, 1, e)
            self.zeros(prefix + "pos_embed", 1, 17, e)
            self.zeros(prefix + "patch_embed.proj.weight", e, 3, 4, 4)
            self.zeros(prefix + "patch_embed.proj.bias", e)
        elif self.style == "Keras":
            self.zeros(prefix + "token_and_position_embedding/embedding/embeddings", 101, e)
            self.zeros(prefix + "token_and_position_embedding/embedding_1/embeddings", 64, e)
        else:
            self.zeros(prefix + "tok_emb.weight", 101, e)

    def extras_after(self, prefix: str, s: str) -> None:
        rng, e = self.rng, self.width
        if rng.random() < 0.25 and self.style == "HF":
            self.traits.append("pooler")
            self.zeros(prefix + "pooler.dense.weight", e, e)
            self.zeros(prefix + "pooler.dense.bias", e)
        if rng.random() < 0.2:
            self.traits.append("training state")
            self.training_state(s)
        if rng.random() < 0.15 and s == ".":
            self.traits.append("buffers")
            self.zeros(prefix + "input_bn.num_batches_tracked", dtype="I64")
            self.zeros(prefix + "input_bn.running_mean", 7)
            self.zeros(prefix + "rotary.inv_freq", 3)
        if self.trap in ("copy", "decoder"):
            twin = {"copy": "ema", "decoder": "decoder"}[self.trap]
            for source in list(self.sources):
                self.zeros(twin + s + source["name"], *source["shape"], dtype=source["dtype"])
        if self.trap == "missing tensor":
            name = rng.choice(
                ("linear1.bias", "linear2.weight", "norm1.weight", "self_attn.out_proj.weight")
            )
            self.remove(
                rng.choice(
                    (
                        f"encoder.layers.{self.layers // 2}.{name}",
                        "encoder.norm.weight",
                        "classifier.bias",
                    )
                )
            )
        if self.trap == "missing module":
            name = rng.choice(
                ("linear1", "linear2", "norm1", "norm2", "self_attn.out_proj", "outside")
            )
            if name == "outside":
                name = rng.choice(("encoder.norm", "attention", "classifier"))
                self.remove(name + ".weight", name + ".bias")
            else:
                for i in range(self.layers):
                    self.remove(
                        f"encoder.layers.{i}.{name}.weight", f"encoder.layers.{i}.{name}.bias"
                    )
        if self.trap == "odd layers":
            # a layer more or less than the file has, so that no layer has an obvious place
            last = f"encoder.layers.{self.layers - 1}."
            if rng.random() < 0.5:
                self.remove(*(name for name in self.truth if name.startswith(last)))
                for name in self.truth:
                    if name.startswith("encoder.layers."):
                        self.truth[name] = None
            else:
                self.targets = {
                    name: a for name, a in self.targets.items() if not name.startswith(last)
                }
                self.truth = {
                    name: None if name.startswith("encoder.layers.") else way
                    for name, way in self.truth.items()
                    if name in self.targets
                }

    def remove(self, *targets: str) -> None:
        """Takes out of the file what the targets need."""
        gone = {
            name
            for target in targets
            if self.truth[target]
            for name in self.truth[target]["sources"]
        }
        self.sources = [source for source in self.sources if source["name"] not in gone]
        for target, way in self.truth.items():
            if way and gone & set(way["sources"]):
                self.truth[target] = None

    def training_state(self, s: str) -> None:
        known = [source for source in self.sources if source["dtype"] == "F32"]
        if s == "/":
            for number, source in enumerate(known):
                self.zeros(f"optimizer/vars/{number + 2}", *source["shape"])
        else:
            for number, source in enumerate(known):
                self.zeros(f"optimizer.state.{number}.exp_avg", *source["shape"])
                self.zeros(f"optimizer.state.{number}.exp_avg_sq", *source["shape"])

    def make_opaque(self) -> None:
        """Replaces names by letters and digits, whole or below the number of the block."""
        rng = self.rng
        # Keras leaves the number of the first block out, so it has none to keep
        keep = (
            "nothing"
            if self.style == "Keras"
            else rng.choice(("nothing", "blocks", "blocks and leaves"))
        )
        self.traits.append(f"keeps {keep}")
        words: dict[str, str] = {}

        def opaque(text: str) -> str:
            if text not in words:
                letters = "abcdefghijklmnopqrstuvwxyz0123456789"
                words[text] = rng.choice(letters[:26]) + "".join(
                    rng.choice(letters) for _ in range(rng.randint(1, 5))
                )
                if list(words.values()).count(words[text]) > 1:
                    del words[text]
                    return opaque(text)
            return words[text]

        def rename(name: str) -> str:
            if keep == "nothing" or "." not in name:
                return opaque(name)
            parts = name.split(".")
            number = next(
                (at for at, part in enumerate(parts) if any(map(str.isdigit, part))), None
            )
            stem, leaf = name.rsplit(".", 1)
            if leaf.endswith(("_weight", "_bias")):
                stem, leaf = name.rsplit("_", 1)
            if number is None:
                return opaque(stem) + "." + (leaf if "leaves" in keep else opaque(leaf))
            inner = ".".join(parts[number + 1 :])
            block = opaque("block") + "." + "".join(filter(str.isdigit, parts[number])) + "."
            if "leaves" in keep:
                return block + opaque(inner[: -len(leaf) - 1]) + "." + leaf
            return block + opaque(inner)

        new = {source["name"]: rename(source["name"]) for source in self.sources}
        self.arrays = {new[name]: array for name, array in self.arrays.items()}
        for source in self.sources:
            source["name"] = new[source["name"]]
        for way in self.truth.values():
            way["sources"] = [new[name] for name in way["sources"]]

    # The truth is true.

    def check(self) -> None:
        for target, way in self.truth.items():
            if way["transforms"] is None:
                continue
            arrays = [self.arrays[name] for name in way["sources"]]
            for step in way["transforms"]:
                if step["op"] == "transpose":
                    arrays = [array.T for array in arrays]
                elif step["op"] == "reshape":
                    arrays = [array.reshape(step["shape"]) for array in arrays]
                else:
                    arrays = [np.concatenate(arrays, step["axis"])]
            if len(arrays) != 1 or not np.array_equal(arrays[0], self.targets[target]):
                raise ValueError(f"{self.style}: {way} does not give {target}")
        if set(self.truth) != set(self.targets):
            raise ValueError("a target without truth")

    def as_json(self) -> dict:
        targets = [
            {"name": n, "shape": list(a.shape), "dtype": "F32"} for n, a in self.targets.items()
        ]
        return {
            "style": self.style, "traits": self.traits, "targets": targets,
            "sources": self.sources, "truth": self.truth,
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("seed", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--hard", action="store_true")
    parser.add_argument("--layers", type=int, default=6)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    variants = [
        Variant(rng, STYLES[index % len(STYLES)], options.layers, options.hard).as_json()
        for index in range(options.count)
    ]
    print(json.dumps({"seed": options.seed, "variants": variants}))


if __name__ == "__main__":
    main()

"""Writes HDF5 files of every kind that readers of weights meet, good and broken.

    generate.py [OUT]     OUT is this folder if left out

`expected.json` says for every dataset of every file what it holds, with the SHA-256 of its elements
in row-major order, little-endian. `alias_of` is the first path that leads to the same dataset.
What is no tensor (texts, opaque values, null dataspaces, references to other files) is in `other`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t, h5z

HERE = Path(__file__).resolve().parent
SEED = 7

SIZES = (7, 5, 3)  # input, hidden, classes: all different
FILTER_OF_LZ4 = 32004  # registered with The HDF Group; no plain build of HDF5 has it


def classifier(rng):
    """The state dict of an attention classifier."""
    inputs, hidden, classes = SIZES
    shapes = {
        "fc.weight": (hidden, inputs),
        "fc.bias": (hidden,),
        "attention.weight": (1, hidden),
        "attention.bias": (1,),
        "classifier.weight": (classes, hidden),
        "classifier.bias": (classes,),
    }
    return {name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def put(group, state, prefix="", separator="."):
    for name, value in state.items():
        group.create_dataset(prefix + name.replace(".", separator), data=value)


def bfloat16():
    kind = h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    return kind


def put_raw(group, name, kind, array, layout=None):
    """A dataset of an HDF5 type that numpy has no name for, with the bits of `array`."""
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_obj_track_times(False)
    if layout is not None:
        plist.set_layout(layout)
    dataset = h5d.create(group.id, name.encode(), kind, h5s.create_simple(array.shape), plist)
    dataset.write(h5s.ALL, h5s.ALL, array, kind)


# State dicts in the layouts that people use


def layout_flat(f, rng):
    put(f, classifier(rng))


def layout_flat_ordered(f, rng):
    put(f, classifier(rng))


def layout_group(f, rng):
    put(f.create_group("state_dict"), classifier(rng))


def layout_nested(f, rng):
    put(f, classifier(rng), separator="/")


def prefix_module(f, rng):
    put(f, classifier(rng), "module.")


def prefix_orig_mod(f, rng):
    put(f, classifier(rng), "_orig_mod.")


def prefix_module_orig_mod(f, rng):
    put(f, classifier(rng), "module._orig_mod.")


def prefix_orig_mod_module_module(f, rng):
    put(f, classifier(rng), "_orig_mod.module.module.")


def checkpoint(f, rng):
    """What training scripts save: the state dict is one entry of several."""
    f.create_dataset("epoch", data=np.int64(12))
    put(f.create_group("model"), classifier(rng), "module.")
    moments = {f"{name}.exp_avg": value * 0.5 for name, value in classifier(rng).items()}
    put(f.create_group("optimizer"), moments)
    f.create_dataset("loss", data=np.float64(0.25))


def tied(f, rng):
    """Three names for one dataset, in two groups; and a copy that is equal but not tied."""
    f.create_dataset("embedding.weight", data=rng.standard_normal((11, 4), np.float32))
    f["decoder.weight"] = f["embedding.weight"]
    f.create_group("zz")["output"] = f["embedding.weight"]
    f.create_dataset("copy.weight", data=f["embedding.weight"][...])


def transposed_fc(f, rng):
    state = classifier(rng)
    state["fc.weight"] = np.ascontiguousarray(state["fc.weight"].T)
    put(f, state)


def missing_and_extra(f, rng):
    state = classifier(rng)
    del state["attention.bias"], state["classifier.weight"]
    state["classifier.weights"] = rng.standard_normal((3, 5), np.float32)
    put(f, state)


def integers_for_floats(f, rng):
    state = classifier(rng)
    state["fc.bias"] = np.arange(5)
    put(f, state)


# Element types and storage


def dtypes(f, rng):
    values = rng.integers(0, 256, 13 * 16, np.uint8)
    for width in (1, 2, 4, 8):
        for kind, name in (("i", "i"), ("u", "u")):
            for order, suffix in (("<", ""), (">", "_be")):
                if width > 1 or not suffix:
                    array = (
                        values[: 12 * width].view(f"<{kind}{width}").astype(f"{order}{kind}{width}")
                    )
                    f.create_dataset(f"{name}{8 * width}{suffix}", data=array.reshape(3, 4))
    floats = np.array(
        [0.0, -0.0, 1.5, -2.25, 6e-8, np.inf, -np.inf, np.nan, 65504, 1 / 3, -1e-3, 7]
    )
    for width in (2, 4, 8):
        for order, suffix in (("<", ""), (">", "_be")):
            f.create_dataset(
                f"f{8 * width}{suffix}", data=floats.astype(f"{order}f{width}").reshape(2, 6)
            )
    numbers = floats[:4] + 1j * floats[8:]
    for width in (8, 16):
        for order, suffix in (("<", ""), (">", "_be")):
            f.create_dataset(f"c{8 * width}{suffix}", data=numbers.astype(f"{order}c{width}"))
    f.create_dataset("bool", data=np.array([[True, False, True], [False, False, True]]))
    bits = floats.astype("<f4").view("<u4") >> 16
    put_raw(f, "bf16", bfloat16(), bits.astype("<u2").reshape(4, 3))
    f.create_dataset("scalar_i64", data=np.int64(-5))
    f.create_dataset("scalar_f32", data=np.float32(0.1))
    f.create_dataset("scalar_bool", data=np.bool_(True))
    f.create_dataset("empty_0x3", data=np.zeros((0, 3), np.float32))
    f.create_dataset("empty_2x0x4", data=np.zeros((2, 0, 4), np.int16))
    f.create_dataset("rank_5", data=rng.standard_normal((2, 1, 3, 1, 4), np.float32))
    f.create_dataset("text", data="learning rate 0.1")
    f.create_dataset("bytes", data=np.array([b"ab", b"cde"]))
    f.create_dataset("null", data=h5py.Empty("f4"))
    f.create_dataset("opaque", data=np.array([b"\x80\x3f", b"\x00\x40"], "V2"))


def storage(f, rng):
    values = rng.standard_normal((37, 11), np.float32)
    chunked = {"chunks": (16, 4)}
    f.create_dataset("contiguous", data=values)
    put_raw(f, "compact", h5t.IEEE_F32LE, values[:5], h5d.COMPACT)
    f.create_dataset("chunked", data=values, **chunked)
    f.create_dataset("gzip", data=values, compression="gzip", **chunked)
    f.create_dataset("shuffle", data=values, shuffle=True, **chunked)
    f.create_dataset("fletcher32", data=values, fletcher32=True, **chunked)
    everything = {"compression": "gzip", "shuffle": True, "fletcher32": True}
    f.create_dataset("all_filters", data=values, **everything, **chunked)
    f.create_dataset("all_filters_be", data=values.astype(">f8"), **everything, **chunked)
    f.create_dataset("all_filters_complex", data=values[:, :6] + 1j, **everything, chunks=(10, 4))
    f.create_dataset("one_chunk", data=values, chunks=values.shape, compression="gzip")
    f.create_dataset("odd_bytes", data=values.view(np.uint8)[:, :7], fletcher32=True, chunks=(9, 5))
    f.create_dataset("resizable", data=values, maxshape=(None, 11), compression="gzip", **chunked)
    f.create_dataset("resizable_twice", data=values, maxshape=(None, None), **chunked)
    f.create_dataset("never_written", (4, 3), "<f4")
    f.create_dataset("never_written_filled", (4, 3), ">i2", fillvalue=-7)
    partly = f.create_dataset("partly_written", (37, 11), "<f4", fillvalue=2.5, **chunked)
    partly[20:30, 5:7] = 1
    shrunk = f.create_dataset("shrunk_and_grown", data=values, maxshape=(None, None), **chunked)
    shrunk.resize((5, 3))
    shrunk.resize((37, 11))
    f.create_dataset(
        "empty_filtered", data=values[:0], compression="gzip", chunks=(4, 3), maxshape=(None, 11)
    )
    f["tied"] = f["all_filters"]


# Files that must be refused


def external_link(f, rng):
    put(f, classifier(rng))
    f["linked.weight"] = h5py.ExternalLink("layout-flat.h5", "/fc.weight")


def soft_link(f, rng):
    put(f, classifier(rng))
    f["linked.weight"] = h5py.SoftLink("/fc.weight")
    f["dangling.weight"] = h5py.SoftLink("/nowhere")


def external_storage(f, rng):
    put(f, classifier(rng))
    f.create_dataset("outside", (3, 4), "<f4", external=[("/etc/passwd", 0, 48)])


def virtual(f, rng):
    put(f, classifier(rng))
    space = h5s.create_simple((5, 7))
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_obj_track_times(False)
    plist.set_virtual(space, b"layout-flat.h5", b"fc.weight", space)
    h5d.create(f.id, b"elsewhere", h5t.IEEE_F32LE, space, plist)


def unknown_filter(f, rng):
    put(f, classifier(rng))
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_obj_track_times(False)
    plist.set_chunk((3, 4))
    # HDF5 creates it only if the filter may be left out; the chunk below says that it was not.
    plist.set_filter(FILTER_OF_LZ4, h5z.FLAG_OPTIONAL, (0,))
    space = h5s.create_simple((3, 4))
    dataset = h5d.create(f.id, b"filtered", h5t.IEEE_F32LE, space, plist)
    dataset.write_direct_chunk((0, 0), bytes(range(40)), filter_mask=0)


OLD = {"libver": ("earliest", "v110")}
FILES = {
    "layout-flat": (layout_flat, {}),
    "layout-flat-ordered": (layout_flat_ordered, {"track_order": True}),
    "layout-group": (layout_group, {}),
    "layout-nested": (layout_nested, {}),
    "prefix-module": (prefix_module, {}),
    "prefix-orig-mod": (prefix_orig_mod, {}),
    "prefix-module-orig-mod": (prefix_module_orig_mod, {}),
    "prefix-orig-mod-module-module": (prefix_orig_mod_module_module, {}),
    "checkpoint": (checkpoint, {}),
    "tied": (tied, {}),
    "transposed-fc": (transposed_fc, {}),
    "missing-and-extra": (missing_and_extra, {}),
    "integers-for-floats": (integers_for_floats, {}),
    "dtypes-earliest": (dtypes, OLD),
    "dtypes-v108": (dtypes, {"libver": ("v108", "v108")}),
    "dtypes-v110": (dtypes, {"libver": ("v110", "v110")}),
    "storage-earliest": (storage, OLD),
    "storage-v108": (storage, {"libver": ("v108", "v108")}),
    "storage-v110": (storage, {"libver": ("v110", "v110")}),
    "dtypes-user-block": (dtypes, {**OLD, "userblock_size": 512}),
    "storage-user-block": (storage, {**OLD, "userblock_size": 512}),
    "broken/external-link": (external_link, {}),
    "broken/soft-link": (soft_link, {}),
    "broken/external-storage": (external_storage, {}),
    "broken/virtual": (virtual, {}),
    "broken/unknown-filter": (unknown_filter, {}),
}

NAMES = {("i", 1): "I8", ("i", 2): "I16", ("i", 4): "I32", ("i", 8): "I64", ("u", 1): "U8"}
NAMES |= {("u", 2): "U16", ("u", 4): "U32", ("u", 8): "U64", ("f", 2): "F16", ("f", 4): "F32"}
NAMES |= {("f", 8): "F64", ("c", 8): "C64", ("c", 16): "C128", ("b", 1): "BOOL"}


def is_bfloat16(dataset):
    kind = dataset.id.get_type()
    return kind.get_class() == h5t.FLOAT and kind.get_fields() == (15, 7, 8, 0, 7)


def is_complete(dataset):
    """False if the data is in another file, or if plain HDF5 lacks a filter of it."""
    plist = dataset.id.get_create_plist()
    filters = [plist.get_filter(index)[0] for index in range(plist.get_nfilters())]
    return not dataset.external and not dataset.is_virtual and FILTER_OF_LZ4 not in filters


def described(dataset):
    """What a dataset holds, or None if it is no tensor."""
    if not is_complete(dataset) or dataset.shape is None:
        return None
    if (dataset.dtype.kind, dataset.dtype.itemsize) not in NAMES:
        return None
    if is_bfloat16(dataset):
        name, array = "BF16", np.empty(dataset.shape, "<u2")
        dataset.id.read(h5s.ALL, h5s.ALL, array, dataset.id.get_type())
    else:
        name = NAMES[dataset.dtype.kind, dataset.dtype.itemsize]
        array = dataset[()]
        array = np.asarray(array).astype(array.dtype.newbyteorder("<"))
    return {
        "dtype": name,
        "shape": list(dataset.shape),
        "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
    }


def inventory(path):
    """Every link of a file, depth first, as plain h5py sees it."""
    datasets, other, first = [], [], {}

    def walk(group, prefix):
        for name in group:
            link, where = group.get(name, getlink=True), prefix + name
            member = group[name] if isinstance(link, h5py.HardLink) else None
            if isinstance(member, h5py.Group):
                walk(member, where + "/")
                continue
            facts = None if member is None else described(member)
            if facts is None:
                other.append(where)
                continue
            address = h5py.h5o.get_info(member.id).addr
            datasets.append({"path": where, **facts, "alias_of": first.get(address)})
            first.setdefault(address, where)

    with h5py.File(path) as f:
        walk(f, "/")
    return {"datasets": datasets, "other": other}


def main(out):
    expected = {}
    for name, (fill, options) in FILES.items():
        path = out / f"{name}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with h5py.File(path, "w", **options) as f:
            fill(f, np.random.default_rng(SEED))
        expected[f"{name}.h5"] = inventory(path)

    whole = (out / "layout-flat.h5").read_bytes()
    (out / "broken/truncated-data.h5").write_bytes(whole[:-30])
    (out / "broken/truncated-header.h5").write_bytes(whole[:60])
    (out / "broken/signature-only.h5").write_bytes(whole[:8])
    (out / "broken/text.h5").write_text("These are not the weights you are looking for.\n")
    (out / "broken/empty.h5").write_bytes(b"")
    lines = (f"  {json.dumps(name)}: {facts}" for name, facts in rows(expected))
    (out / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def rows(expected):
    """One dataset a line, so that a change shows as one line."""
    for name, facts in expected.items():
        datasets = ",\n".join(f"    {json.dumps(dataset)}" for dataset in facts["datasets"])
        yield name, f'{{"other": {json.dumps(facts["other"])}, "datasets": [\n{datasets}\n  ]}}'


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)

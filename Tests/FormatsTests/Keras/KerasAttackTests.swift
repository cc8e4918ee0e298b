import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct KerasAttackTests {
  private static let prelude = """
    import h5py, io, json, zipfile, numpy as np
    w = np.arange(6, dtype="f4").reshape(2, 3)
    def h5(body):
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as f: body(f)
        return buffer.getvalue()
    def legacy(names, datasets=None, layers=["fc"], **more):
        def body(f):
            if layers is not None: f.attrs["layer_names"] = [x.encode() for x in layers]
            g = f.create_group("fc")
            if names is not None: g.attrs["weight_names"] = names
            for path in datasets or []: g[path] = w
            for key, value in more.items(): f.attrs[key] = value
        return h5(body)
    def linked(make):
        def body(f):
            f.attrs["layer_names"] = [b"fc"]
            g = f.create_group("fc")
            g.attrs["weight_names"] = [b"ext/kernel"]
            g["there/kernel"] = w
            make(g)
        return h5(body)
    def chunks(**parts):
        def body(f):
            f.attrs["layer_names0"] = [b"fc"]
            g = f.create_group("fc")
            for key, value in parts.items(): g.attrs[key] = value
            g["fc/kernel:0"], g["fc/bias:0"] = w, w[0]
        return h5(body)
    def objects(*pairs):
        def body(f):
            f.create_group("vars").attrs["name"] = "net"
            for path, name in pairs:
                f[path + "/vars/0"] = w
                if name is not None: f[path + "/vars"].attrs["name"] = name
        return h5(body)
    good = objects(("layers/dense", "fc"))
    config = json.dumps({"class_name": "Sequential", "config": {"layers": []}})
    def keras(members, method=zipfile.ZIP_STORED):
        buffer = io.BytesIO()
        import warnings; warnings.simplefilter("ignore")
        with zipfile.ZipFile(buffer, "w", method) as z:
            for name, data in members: z.writestr(name, data)
        return buffer.getvalue()
    def archive(*more, weights=good, config=config, **options):
        members = [("metadata.json", "{}"), ("config.json", config), ("model.weights.h5", weights)]
        return keras(members + list(more), **options)
    def flipped(data):
        data = bytearray(data); data[data.index(w.tobytes()) + 5] ^= 1; return bytes(data)

    """

  private static let attacks = [
    Attack("two weights of one name", #"legacy([b"fc/kernel:0", b"fc/kernel"], ["fc/kernel:0", "fc/kernel"])"#),
    Attack("a layer twice", #"legacy([b"fc/kernel:0"], ["fc/kernel:0"], layers=["fc", "fc"])"#),
    Attack("two layers that give one name", #"objects(("layers/dense", "fc"), ("layers/dense_1", "fc"))"#),
    Attack("a dot that gives one name", #"objects(("layers/z", "a.b"), ("layers/x", "a"), ("layers/x/y", "b"))"#),
    Attack("a hole between parts of a list", #"chunks(weight_names0=[b"fc/kernel:0"], weight_names2=[b"fc/bias:0"])"#),
    Attack("a list that begins with its second part", #"chunks(weight_names1=[b"fc/kernel:0"])"#),
    Attack("numbers for names", #"legacy(np.array([1.0, 2.0]))"#),
    Attack("a number for the list of layers", #"legacy([b"x"], layers=None, layer_names=3)"#),
    Attack("a configuration that is not JSON", #"legacy([b"k"], ["k"], model_config="{'a': 1}")"#),
    Attack("a configuration that nests too deep", #"legacy([b"k"], ["k"], model_config="[" * 5000 + "]" * 5000)"#),
    Attack("an archive with a member twice", #"archive(("model.weights.h5", good))"#),
    Attack("an archive that leads out of its folder", #"archive(("../x", b""))"#, "refused"),
    Attack("an archive with an absolute name", #"archive(("/x", b""))"#, "refused"),
    Attack(
      "an archive that inflates without end", #"archive(weights=bytes(100 << 20), method=zipfile.ZIP_DEFLATED)"#),
    Attack("an archive without HDF5", #"archive(weights=b"text" * 300)"#),
    Attack("an archive without weights in it", #"archive(weights=b"")"#),
    Attack("an archive with a changed weight", #"flipped(archive())"#),
    Attack("an archive whose configuration is not JSON", #"archive(config="{")"#),
    Attack("an archive whose configuration is not text", #"archive(config=b'"\xff"')"#),
    Attack(
      "an archive with NumPy's weights", #"keras([("config.json", config), ("model.weights.npz", b"")])"#, "unsupported"
    ),
    Attack("weights that end early", #"archive(weights=good[:len(good) - 8])"#),
    Attack("layers without weights", #"legacy(np.array([], dtype="f8"))"#, "ok"),
    Attack("parts of a list", #"chunks(weight_names0=[b"fc/kernel:0"], weight_names1=[b"fc/bias:0"])"#, "ok"),
    Attack("a good archive", "archive()", "ok"),
    Attack("a good file", "good", "ok"),
    Attack(
      "an external link in place of weights",
      #"linked(lambda g: g.__setitem__("ext", h5py.ExternalLink("/etc/hostname", "/")))"#, "ok"),
    Attack("a soft link on the way", #"linked(lambda g: g.__setitem__("ext", h5py.SoftLink("/fc/there")))"#, "ok"),
    Attack("a weight that is not there", #"linked(lambda g: None)"#, "ok"),
    Attack("a layer that is not there", #"legacy([b"k"], ["k"], layers=["fc", "gone"])"#, "ok"),
    Attack("a group for a weight", #"linked(lambda g: g.create_group("ext/kernel"))"#, "ok"),
    Attack(
      "names of TensorFlow", #"legacy([b"net/fc/kernel:0", b"net/fc/bias:0"], ["net/fc/kernel:0", "net/fc/bias:0"])"#,
      "ok"),
    Attack("names of an inner model", #"legacy([b"a/kernel:0", b"fc/kernel:0"], ["a/kernel:0", "fc/kernel:0"])"#, "ok"),
    Attack("an unknown class", #"objects(("layers/my_dense", "fc"))"#, "ok"),
  ]

  private static let files = Result { try Attack.files(prelude, attacks) }

  @Test("hostile files end in an error with its code, or are read", arguments: attacks)
  func outcome(attack: Attack) throws {
    try attack.expectOutcome(Self.files, ending: "keras", format: .keras)
  }

  @Test("the format is found by content, whatever the name says", arguments: attacks)
  func found(attack: Attack) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.npz")
      try #require(try Self.files.get()[attack.testDescription]).write(to: url)
      let format = try FormatRegistry.format(of: SourceFile(path: url.path))
      #expect(type(of: format).name == "keras")
    }
  }

  @Test("archives and files of other formats are not taken for Keras's")
  func others() throws {
    try withTemporaryDirectory { directory in
      try python(
        """
        import sys, zipfile, h5py, numpy as np, torch
        folder = sys.argv[1] + "/"
        np.savez(folder + "npz", a=np.zeros(3))
        torch.save({"config.json": torch.zeros(3)}, folder + "pytorch")
        with zipfile.ZipFile(folder + "zip", "w") as z: z.writestr("config.json", "{}")
        with h5py.File(folder + "hdf5", "w") as f: f["layers/0/weight"] = f["vars"] = f["model_weights/fc.weight"] = np.zeros(3)
        """, [directory.path])
      for (file, name) in [("npz.npz", "npz"), ("pytorch", "pytorch"), ("hdf5", "hdf5")] {
        let source = try SourceFile(path: directory.appending(path: file).path)
        #expect(try type(of: FormatRegistry.format(of: source)).name == name)
      }
      #expect { try StateDict(contentsOf: directory.appending(path: "zip")) } throws: {
        ($0 as? WeightFileError)?.code == .unknownFormat
      }
    }
  }

  @Test(
    "a weight that is elsewhere or missing is refused under its name",
    arguments: [
      ("an external link in place of weights", "fc.ext.kernel", "external link"),
      ("a soft link on the way", "fc.ext.kernel", "soft link"),
      ("a weight that is not there", "fc.ext.kernel", "missing"), ("a layer that is not there", "gone", "missing"),
      ("a group for a weight", "fc.ext.kernel", "missing"),
    ])
  func refused(attack: String, name: String, kind: String) throws {
    let state = try read(attack)
    #expect(state.others.contains { $0.name == name && $0.kind == kind && $0.isRefused }, "\(state.others)")
    #expect(state[name] == nil)
  }

  @Test(
    "names are those of the layer and of what its weights do not share",
    arguments: [
      ("names of TensorFlow", ["fc.kernel", "fc.bias"]), ("parts of a list", ["fc.kernel", "fc.bias"]),
      ("names of an inner model", ["fc.a.kernel", "fc.fc.kernel"]), ("an unknown class", ["fc.0"]),
      ("layers without weights", []),
    ])
  func names(attack: String, names: [String]) throws {
    #expect(try read(attack).names == names)
  }

  @Test("HDF5 files without layers are refused where Keras's format is asked for")
  func noLayers() throws {
    let url = Project.fixture("hdf5/layout-flat.h5")
    #expect { try StateDict(contentsOf: url, format: .keras) } throws: {
      ($0 as? WeightFileError)?.code == .malformed
    }
  }

  @Test("what gets the same name is named on both sides")
  func collision() throws {
    #expect { try read("two layers that give one name") } throws: { error in
      let error = error as? WeightFileError
      return error?.tensor == "fc.kernel" && error?.reason.contains("/layers/dense/vars/0") == true
        && error?.reason.contains("/layers/dense_1/vars/0") == true
    }
  }

  private func read(_ attack: String) throws -> StateDict {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.h5")
      try #require(try Self.files.get()[attack]).write(to: url)
      return try StateDict(contentsOf: url)
    }
  }

  @Test(
    "an index that lies is refused, and every lie is told",
    arguments: [
      (
        #"{"/a/vars":"gone.weights.h5","/b/vars":["lost.weights.h5"]}"#, ["gone.weights.h5", "lost.weights.h5"],
        "malformed"
      ),
      (#"{"/a/vars":"../zoo.weights.h5","/b/vars":"/tmp/zoo.weights.h5"}"#, ["../zoo", "/tmp/zoo"], "refused"),
      (#"{"/a/vars":["x/zoo.weights.h5"],"/b/vars":3}"#, ["x/zoo.weights.h5", "/b/vars"], "refused"),
      (#"{"/a/vars":[],"/b/vars":["a.weights.h5",3]}"#, ["/a/vars", "/b/vars"], "malformed"),
      (#"{"/a/vars":"a.weights.h5","/a/vars":"b.weights.h5"}"#, ["twice"], "malformed"),
      (#"{}"#, ["no 'weight_map'"], "malformed"),
      (
        #"{"/layers/dense/vars":"attention.weights.h5","/c/vars":"attention.weights.h5"}"#,
        ["/layers/dense_1/vars/0", "/layers/dense_2/vars/1", "/c/vars"], "malformed"
      ),
      (
        #"{"/layers/dense/vars":["attention.weights.h5","attention_00000.weights.h5"]}"#,
        ["'/layers/dense/vars/0' in 'attention_00000.weights.h5' is in 'attention.weights.h5' too"], "malformed"
      ),
      (#"{"/a/vars":"expected.json","/b/vars":"attention.keras"}"#, ["expected.json", "attention.keras"], "malformed"),
    ])
  func index(map: String, reasons: [String], code: String) throws {
    try KerasFiles.withFile("lies.weights.json", beside: "attention", "expected") { url in
      try Data(#"{"weight_map":\#(map),"note":"x.weights.h5"}"#.utf8).write(to: url)
      let error = try #require(#expect(throws: WeightFileError.self) { try StateDict(contentsOf: url) })
      #expect(error.code.rawValue == code && error.file == url.path)
      for reason in reasons { #expect(error.reason.contains(reason), "\(error.reason)") }
    }
  }
}

import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// `docs/reference/support-matrix.md` is what this test finds; `TENSORFERRY_UPDATE_DOCS=1` writes it anew.
@Suite struct SupportMatrixTests {
  @Test("the support matrix says what is written, what is read of other programs' files, and what is refused")
  func matrix() throws {
    let formats = WritableFormat.all
    var lines = [
      "# Support matrix", "", "A test makes this page; see `Tests/FormatsTests/SupportMatrixTests.swift`.", "",
      "## Written", "",
      "*exact*: written and read back bit for bit. *refused*: an error that names the tensor; nothing is written.", "",
      "| dtype | " + formats.map(\.description).joined(separator: " | ") + " |",
      "|---|" + formats.map { _ in "---|" }.joined(),
    ]
    try withTemporaryDirectory { directory in
      for dtype in DType.allCases where dtype != .block {
        let cells = try formats.map { try outcome(of: $0, dtype, in: directory) }
        lines.append("| \(dtype.rawValue) | " + cells.joined(separator: " | ") + " |")
      }
    }
    lines.append(
      "| ties | " + formats.map { type(of: $0.format).keepsTies ? "kept" : "copies" }.joined(separator: " | ") + " |")
    lines += try readingTable()
    let text = lines.joined(separator: "\n") + "\n"
    #expect(!text.contains("WRONG"))
    let url = Project.root.appending(path: "docs/reference/support-matrix.md")
    if ProcessInfo.processInfo.environment["TENSORFERRY_UPDATE_DOCS"] != nil { try Data(text.utf8).write(to: url) }
    #expect(try String(contentsOf: url, encoding: .utf8) == text)
  }

  private func outcome(of format: WritableFormat, _ dtype: DType, in directory: URL) throws -> String {
    var state = StateDict()
    try state.append("x", WritableFormat.tensor(dtype, [2, 4]))
    let url = directory.appending(path: "\(dtype.rawValue).\(format.ending)")
    do {
      // The writer compares what it reads back, bit for bit, before the file gets its name.
      try state.write(to: url, format: format.format)
    } catch let error as WeightFileError where error.code == .unrepresentable {
      #expect(!FileManager.default.fileExists(atPath: url.path))
      return "refused"
    }
    let difference = try state.difference(from: StateDict(contentsOf: url))
    return difference.tensorsAreEqual ? "exact" : "WRONG"
  }

  // MARK: - Reading

  /// What other programs write, under the name of the column.
  private static let writers = [
    ("torch", "torch.save"), ("legacy", "torch.save, before 1.6"), ("safetensors", "safetensors"),
    ("npy", "numpy.save"), ("npz", "numpy.savez"), ("h5py", "h5py"), ("gguf", "gguf-py"), ("keras3", "Keras 3"),
    ("keras2", "Keras 2 layout"),
  ]

  private func readingTable() throws -> [String] {
    var lines = [
      "", "## Read", "",
      "*exact*: the bits that the program wrote. *told*: exact with `--void-type`, refused without, because the file does",
      "not say the type. A dash: the program does not write the type. Types that no program here writes are read as they",
      "are written above.", "",
      "| dtype | " + Self.writers.map(\.1).joined(separator: " | ") + " |",
      "|---|" + Self.writers.map { _ in "---|" }.joined(),
    ]
    try withTemporaryDirectory { directory in
      let dtypes = DType.allCases.filter { $0 != .block }
      for dtype in dtypes {
        let bytes = try WritableFormat.tensor(dtype, [2, 4]).read().bytes
        try Data(bytes).write(to: directory.appending(path: dtype.rawValue + ".raw"))
      }
      try python(Self.program, [directory.path])
      for dtype in dtypes {
        let cells = try Self.writers.map { writer, _ in
          let name = directory.appending(path: "\(dtype.rawValue).\(writer)")
          return FileManager.default.fileExists(atPath: name.path) ? try reading(name, dtype) : "-"
        }
        if cells.contains(where: { $0 != "-" }) {
          lines.append("| \(dtype.rawValue) | " + cells.joined(separator: " | ") + " |")
        }
      }
    }
    return lines
  }

  private func reading(_ url: URL, _ dtype: DType) throws -> String {
    // Keras passes bfloat16 through float32, which changes the payloads of NaN; then its own numbers count.
    let own = url.appendingPathExtension("raw")
    let common = url.deletingPathExtension().appendingPathExtension("raw")
    let expected = try Data(contentsOf: FileManager.default.fileExists(atPath: own.path) ? own : common)
    func matches(_ state: StateDict) throws -> Bool {
      let tensor = try state.first?.tensor.read()
      return state.count == 1 && tensor?.dtype == dtype && tensor?.shape == [2, 4] && tensor?.bytes == Array(expected)
    }
    let state = try StateDict(contentsOf: url)
    guard state.others.contains(where: \.isRefused) else { return try matches(state) ? "exact" : "WRONG" }
    guard VoidTypes.allows(dtype) else { return "refused" }
    let options = ReadingOptions(voidTypes: [dtype])
    return try matches(StateDict(contentsOf: url, options: options)) ? "told" : "WRONG"
  }

  /// Writes `DTYPE.WRITER` with the bytes of `DTYPE.raw`, wherever the writer has the type.
  private static let program = """
    import os, sys, warnings
    os.environ["KERAS_BACKEND"] = "torch"
    warnings.simplefilter("ignore")
    import gguf, h5py, keras, ml_dtypes, numpy as np, torch
    from safetensors.torch import save_file
    names = {
        "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16", "I32": "int32", "U32": "uint32",
        "I64": "int64", "U64": "uint64", "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
        "C64": "complex64", "C128": "complex128", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
        "F8_E8M0": "float8_e8m0fnu", "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
        "F4": "float4_e2m1fn_x2"}
    folder = sys.argv[1]

    def keras_model(path, kind, value):
        class Layer(keras.layers.Layer):
            def build(self, shape):
                self.w = self.add_weight(name="w", shape=(2, 4), dtype=kind, initializer="zeros", trainable=False)
            def call(self, x):
                return x
        model = keras.Sequential([keras.Input((4,)), Layer(name="x")])
        variable = model.layers[0].w._value.data
        if variable.dtype != value.dtype:
            raise TypeError("Keras keeps this type as another one")
        variable.copy_(value)
        with open(path.split(".tmp")[0] + ".raw", "wb") as file:
            file.write(keras.ops.convert_to_numpy(model.layers[0].w).tobytes())
        return model

    def write_gguf(path, array, kind):
        plain = ["int8", "int16", "int32", "int64", "float16", "float32", "float64"]
        if kind not in plain + ["bfloat16"]:
            raise TypeError(kind)
        writer = gguf.GGUFWriter(path, "x")
        if kind in plain:
            writer.add_tensor("x", array)
        else:
            writer.add_tensor("x", array.view(np.uint8).reshape(2, 8), raw_dtype=gguf.GGMLQuantizationType.BF16)
        writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()

    def write_h5py(path, array):
        with h5py.File(path, "w") as file:
            file["x"] = array

    def attempt(label, writer, write, ending=None):
        path = f"{folder}/{label}.{writer}"
        temporary = path + (ending or ".tmp")
        try:
            write(temporary)
        except Exception:
            if os.path.exists(temporary):
                os.remove(temporary)
            return
        os.rename(temporary, path)

    def open_npy(path, array):
        with open(path, "wb") as file:
            np.save(file, array)

    def open_npz(path, array):
        with open(path, "wb") as file:
            np.savez(file, x=array)

    for label, kind in names.items():
        raw = open(f"{folder}/{label}.raw", "rb").read()
        dtype = getattr(torch, kind)
        tensor = torch.frombuffer(bytearray(raw), dtype=torch.uint8).view(dtype).reshape(2, -1)
        attempt(label, "torch", lambda path: torch.save({"x": tensor}, path))
        attempt(label, "legacy", lambda path: torch.save({"x": tensor}, path, _use_new_zipfile_serialization=False))
        attempt(label, "safetensors", lambda path: save_file({"x": tensor}, path))
        attempt(label, "keras3", lambda path: keras_model(path, kind, tensor).save_weights(path), ".tmp.weights.h5")
        attempt(label, "keras2", lambda path: keras_model(path, kind, tensor).save(path), ".tmp.h5")
        element = np.dtype(getattr(ml_dtypes, kind, kind)) if kind != "float4_e2m1fn_x2" else None
        if element is None:
            continue
        array = np.frombuffer(raw, element).reshape(2, 4)
        attempt(label, "npy", lambda path: open_npy(path, array))
        attempt(label, "npz", lambda path: open_npz(path, array))
        attempt(label, "h5py", lambda path: write_h5py(path, array))
        attempt(label, "gguf", lambda path: write_gguf(path, array, kind))
    """
}

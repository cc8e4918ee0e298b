import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Tensors that the onnx package wrote.
@Suite struct ONNXReadingTests {
  /// Writes every type twice, as raw bytes and as typed fields, and prints what the bytes must be.
  private static let program = """
    import base64, json, sys, ml_dtypes, numpy, onnx
    from onnx import helper, numpy_helper, TensorProto
    rng = numpy.random.default_rng(3)
    types = {
        "F32": "float32", "F64": "float64", "F16": "float16", "BF16": ml_dtypes.bfloat16, "U8": "uint8", "I8": "int8",
        "U16": "uint16", "I16": "int16", "I32": "int32", "I64": "int64", "U32": "uint32", "U64": "uint64",
        "BOOL": "bool", "C64": "complex64", "C128": "complex128", "F8_E4M3": ml_dtypes.float8_e4m3fn,
        "F8_E5M2": ml_dtypes.float8_e5m2, "F8_E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
        "F8_E5M2FNUZ": ml_dtypes.float8_e5m2fnuz, "F8_E8M0": ml_dtypes.float8_e8m0fnu,
    }
    answers = {}
    for name, dtype in types.items():
        kind = numpy.dtype(dtype)
        values = rng.integers(0, 256, 6 * kind.itemsize, dtype=numpy.uint8)
        if name == "BOOL": values &= 1
        if name[0] in "FBC" and name != "BOOL" and kind.itemsize > 1:
            values = (rng.standard_normal(6) * 9 + (1j if name[0] == "C" else 0)).astype(kind).view(numpy.uint8)
        array = values.view(kind).reshape(2, 3)
        answers[name] = base64.b64encode(array.tobytes()).decode()
        raw = numpy_helper.from_array(array, "raw " + name)
        assert raw.HasField("raw_data")
        typed = TensorProto()
        typed.dims.extend((2, 3))
        typed.data_type = raw.data_type
        if name in ("F32", "C64"): typed.float_data.extend(array.view("float32").ravel().tolist())
        elif name in ("F64", "C128"): typed.double_data.extend(array.view("float64").ravel().tolist())
        elif name == "I64": typed.int64_data.extend(array.ravel().tolist())
        elif name in ("U32", "U64"): typed.uint64_data.extend(array.ravel().tolist())
        elif name[0] in "FB" and name != "BOOL":
            typed.int32_data.extend(array.view({1: "uint8", 2: "uint16"}[kind.itemsize]).ravel().tolist())
        else: typed.int32_data.extend(array.astype("int32").ravel().tolist())
        if name != "F8_E8M0" or hasattr(TensorProto, "FLOAT8E8M0"):
            assert numpy_helper.to_array(typed).tobytes() == array.tobytes(), name
        for form, tensor in ("raw", raw), ("typed", typed):
            open(f"{sys.argv[1]}/{name}.{form}.pb", "wb").write(tensor.SerializeToString())
    for name, array in {"scalar": numpy.float32(2.5), "empty": numpy.zeros((3, 0), "int64")}.items():
        open(f"{sys.argv[1]}/{name}.pb", "wb").write(numpy_helper.from_array(numpy.asarray(array)).SerializeToString())
    tensor = helper.make_tensor("x", TensorProto.STRING, [1], [b"text"])
    open(f"{sys.argv[1]}/strings.pb", "wb").write(tensor.SerializeToString())
    tensor = numpy_helper.from_array(numpy.ones((2, 3), "float32"), "outside")
    onnx.external_data_helper.set_external_data(tensor, "weights.bin")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    open(f"{sys.argv[1]}/external.pb", "wb").write(tensor.SerializeToString())
    model = helper.make_model(helper.make_graph([], "g", [], []))
    open(f"{sys.argv[1]}/model.onnx", "wb").write(model.SerializeToString())
    print(json.dumps(answers))
    """

  private struct Written {
    let answers: [String: [UInt8]]
    let files: [String: Data]
  }

  private static let written = Result { () throws -> Written in
    try withTemporaryDirectory { directory in
      let json = try JSONValue(parsing: python(program, [directory.path]))
      let answers = (json.members ?? []).map { ($0.key, $0.value.string.flatMap { Data(base64Encoded: $0) } ?? Data()) }
      let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      return Written(
        answers: Dictionary(uniqueKeysWithValues: answers.map { ($0, [UInt8]($1)) }),
        files: Dictionary(
          uniqueKeysWithValues: try names.map { ($0, try Data(contentsOf: directory.appending(path: $0))) }))
    }
  }

  private func read<Result>(_ name: String, _ body: (StateDict) throws -> Result) throws -> Result {
    let data = try #require(try Self.written.get().files[name])
    return try withTemporaryDirectory { directory in
      let url = directory.appending(path: name)
      try data.write(to: url)
      return try body(StateDict(contentsOf: url))
    }
  }

  @Test("every type that onnx writes is read bit for bit, as raw bytes and as numbers", arguments: ["raw", "typed"])
  func types(form: String) throws {
    let answers = try Self.written.get().answers
    #expect(answers.count == 20)
    for (name, bytes) in answers {
      try read("\(name).\(form).pb") { state in
        #expect(state.origin?.format == "onnx")
        #expect(state.names == [form == "raw" ? "raw \(name)" : "\(name).typed"])
        let tensor = try #require(state.first?.tensor)
        #expect(tensor.dtype.rawValue == name && tensor.shape == [2, 3])
        #expect(try tensor.read().bytes == bytes, "\(name)")
        #expect((tensor.fileOffset != nil) == (form == "raw" || ["F32", "F64", "C64", "C128"].contains(name)))
      }
    }
  }

  @Test("a scalar has no dimensions, and an empty tensor no bytes")
  func edges() throws {
    try read("scalar.pb") { state in
      let tensor = try #require(try state.first?.tensor.read())
      #expect(tensor.shape == .scalar)
      #expect(try tensor.floats() == [2.5])
    }
    try read("empty.pb") { #expect($0.first?.tensor.shape == [3, 0] && $0.first?.tensor.dtype == .i64) }
  }

  @Test("texts are not read, other files are not opened, and a model is no tensor")
  func refusals() throws {
    for (name, code) in [("strings.pb", WeightFileError.Code.unsupported), ("external.pb", .refused)] {
      #expect { try read(name) { $0 } } throws: { ($0 as? WeightFileError)?.code == code }
    }
    #expect { try read("model.onnx") { $0 } } throws: { ($0 as? WeightFileError)?.code == .unknownFormat }
  }

  @Test("it is read, not written")
  func writing() throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      try state.append("x", patterned(.f32, [2, 3]))
      let url = directory.appending(path: "x.pb")
      let error = #expect(throws: WeightFileError.self) { try state.write(to: url, format: .onnx) }
      #expect(error?.code == .unrepresentable && !FileManager.default.fileExists(atPath: url.path))
    }
  }
}

import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct ConversionTests {
  private func state() throws -> StateDict {
    var state = StateDict()
    try state.append("a.weight", LazyTensor(Tensor([1, 0.1, .nan, 1e30] as [Float], shape: [2, 2])))
    try state.append("a.steps", LazyTensor(Tensor([7] as [Int64], shape: .scalar)))
    try state.append("b.weight", LazyTensor(Tensor([1, 2, 3] as [Float], shape: [3])))
    return state
  }

  @Test("the plan casts floating-point tensors alone, and tells sizes without reading")
  func plan() throws {
    let conversion = try Conversion(state(), to: .hdf5, dtype: .bf16)
    #expect(conversion.steps.map(\.target) == [.bf16, .i64, .bf16])
    #expect(conversion.byteCount == 8 + 8 + 6)
  }

  @Test("a lossy cast is refused with the count, the largest error and the first tensor")
  func lossy() throws {
    #expect { try Conversion(state(), to: .hdf5, dtype: .f16).checkLossless() } throws: { error in
      let error = error as? WeightFileError
      return error?.code == .lossyCast && error?.tensor == "a.weight"
        && error?.reason.contains("2 elements of 1 tensors") == true
        && error?.reason.contains("1 overflow") == true
    }
    try Conversion(state(), to: .hdf5, dtype: .f64).checkLossless()
  }

  @Test("what the source could not carry over stops the conversion")
  func refused() throws {
    let state = try StateDict(contentsOf: Project.fixture("hdf5/broken/external-link.h5"))
    #expect { try Conversion(state, to: .hdf5) } throws: { ($0 as? WeightFileError)?.code == .refused }
  }

  @Test("a file that does not hold what was to be written is never published", arguments: ["byte", "name", "shape"])
  func verification(fault: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "out.h5")
      #expect { try state().write(to: url, format: Faulty(fault: fault)) } throws: {
        ($0 as? WeightFileError)?.code == .verificationFailed
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      #expect(left.isEmpty)
    }
  }

  @Test(
    "packed weights are recognised and keep their type",
    arguments: [
      ("MLX affine quantisation", [("l.weight", DType.u32), ("l.scales", .f16), ("l.biases", .f16)]),
      ("block-scaled float8", [("l.weight", .f8e4m3), ("l.weight_scale_inv", .f32)]),
      (
        "compressed-tensors packed weights",
        [("l.weight_packed", .i32), ("l.weight_scale", .f16), ("l.weight_shape", .i64)]
      ),
      ("GPTQ or AWQ packed weights", [("l.qweight", .i32), ("l.scales", .f16), ("l.qzeros", .i32)]),
    ] as [(String, [(String, DType)])])
  func packed(scheme: String, tensors: [(String, DType)]) throws {
    var state = StateDict()
    for (name, dtype) in tensors {
      try state.append(
        name, LazyTensor(Tensor(dtype: dtype, shape: [4], bytes: .init(repeating: 1, count: dtype.bitWidth / 2))))
    }
    try state.append("plain.weight", LazyTensor(Tensor([1] as [Float], shape: [1])))
    let found = PackedWeights.find(in: state)
    #expect(found.map(\.scheme) == [scheme] && Set(found.flatMap(\.names)) == Set(tensors.map(\.0)))
    let conversion = try Conversion(state, to: .hdf5, dtype: .f64)
    #expect(conversion.steps.filter { $0.source != $0.target }.map(\.name) == ["plain.weight"])
  }

  @Test(
    "compressed and encrypted files are recognised by their metadata",
    arguments: ["znn_compressed_vectors", "__encryption__"])
  func packedByMetadata(key: String) throws {
    var state = StateDict()
    for name in ["x", "y"] { try state.append(name, LazyTensor(Tensor(dtype: .u8, shape: [1], bytes: [0]))) }
    state.metadata = [.init(key, #"{"y": {"dtype": "F32"}}"#)]
    #expect(PackedWeights.find(in: state).map(\.names) == [["y"]])
  }
}

/// Writes HDF5 with something wrong.
private struct Faulty: WeightFormat {
  static let name = "faulty"
  let fault: String

  static func recognises(_ file: SourceFile) -> Bool { false }
  func read(_ file: SourceFile) throws -> StateDict { try HDF5Format().read(file) }

  func checkRepresentable(_ state: StateDict, at path: String) throws {
    try HDF5Format().checkRepresentable(state, at: path)
  }

  func write(_ state: StateDict, to path: String) throws {
    var wrong = StateDict()
    for element in state {
      var tensor = try element.tensor.read()
      if fault == "byte", element.name == "b.weight" {
        tensor = try Tensor(dtype: tensor.dtype, shape: tensor.shape, bytes: tensor.bytes.dropLast() + [0xFF])
      }
      if fault == "shape", element.name == "b.weight" {
        tensor = try Tensor(dtype: tensor.dtype, shape: [3, 1], bytes: tensor.bytes)
      }
      try wrong.append(fault == "name" && element.name == "b.weight" ? "c" : element.name, LazyTensor(tensor))
    }
    try HDF5Format().write(wrong, to: path)
  }
}

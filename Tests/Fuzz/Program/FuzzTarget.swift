import TensorFerryFormats
import TensorFerryMapping
import TensorFerryTensors
import TensorFerryTestSupport

/// A parser, and how what it is given is changed so that it gets behind its first check.
struct FuzzTarget: Sendable {
  typealias Mutator = @Sendable (_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8]?

  let name: String
  let run: @Sendable (UnsafeBufferPointer<UInt8>) -> Void
  /// The input with something changed and what depends on it repaired; nil if it has not the form for that.
  let mutate: Mutator

  static func all(seeds: String) -> [FuzzTarget] {
    [
      file("safetensors", SafetensorsFormat(), SafetensorsMutator.mutate),
      file("npy", NumPyFormat(), NumPyMutator.mutate),
      file("npz", NPZFormat(), ZipMutator.mutate),
      file("pytorch", PyTorchFormat(), ZipMutator.mutate),
      file("gguf", GGUFFormat(), NumberMutator.mutate),
      file("keras", KerasFormat(), ZipMutator.mutate),
      file("onnx", ONNXFormat(), NumberMutator.mutate),
      file("hdf5", HDF5Format(), HDF5Mutator(seeds: seeds + "/hdf5").mutate),
      // Whatever format the bytes have.
      file("any", nil, NumberMutator.mutate),
      FuzzTarget(
        name: "json", run: { bytes in expectTyped { _ = try JSONValue(parsing: Array(bytes)) } },
        mutate: TextMutator.mutate),
      FuzzTarget(
        name: "mapping",
        run: { bytes in expectTyped { _ = try WeightMapping(String(decoding: bytes, as: UTF8.self)) } },
        mutate: TextMutator.mutate),
    ]
  }

  /// Opens a file with these bytes, and reads every byte of what it describes.
  private static func file(_ name: String, _ format: (any WeightFormat)?, _ mutate: @escaping Mutator) -> FuzzTarget {
    let input = InputFile()
    return FuzzTarget(
      name: name,
      run: { bytes in
        input.write(bytes)
        expectTyped { try readAll(try StateDict(path: input.path, format: format)) }
      }, mutate: mutate)
  }

  /// At most these bytes of tensors are read of one input, so that a run is short: a hole may be as large as its file says.
  private static let readLimit = 1 << 20

  private static func readAll(_ state: StateDict) throws {
    var rest = readLimit
    for element in state where element.tensor.byteCount <= rest {
      rest -= element.tensor.byteCount
      var count = 0
      expectTyped {
        try element.tensor.forEachPiece { offset, bytes in
          precondition(offset == count, "the pieces have a hole")
          count += bytes.count
        }
        precondition(count == element.tensor.byteCount, "\(count) bytes of \(element.tensor.byteCount) are read")
      }
    }
  }

  /// Any error must be one of ours, which names what is wrong; anything else ends the process, which libFuzzer reports.
  private static func expectTyped(_ body: () throws -> Void) {
    do {
      try body()
    } catch let error as any LocatedError {
      precondition(!error.description.isEmpty)
    } catch {
      fatalError("an error without a place: \(type(of: error)): \(error)")
    }
  }
}

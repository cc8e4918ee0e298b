import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Every file that differs in one byte from a minimal file of its format, and every beginning of one.
///
/// None may trap, hang or throw what is not a typed error; what is read of one must be what the format's own program reads.
@Suite struct MutantTests {
  static let formats: [String: any WeightFormat] = [
    "npy": NumPyFormat(), "safetensors": SafetensorsFormat(), "npz": NPZFormat(), "pt": PyTorchFormat(),
    "gguf": GGUFFormat(),
  ]
  /// So many of the accepted files of each format are compared with what its own program reads.
  static let compared = ProcessInfo.processInfo.environment["TENSORFERRY_MUTANTS"].flatMap { Int($0) } ?? 400

  private static let minimal: Result<[String: [UInt8]], any Error> = Result {
    try withTemporaryDirectory { directory in
      try python(script: Project.root.appending(path: "Tests/Mutants/mutants.py"), ["make", directory.path()])
      return try Dictionary(
        uniqueKeysWithValues: formats.keys.map { name in
          (name, Array(try Data(contentsOf: directory.appending(path: "minimal.\(name)"))))
        })
    }
  }

  /// Opens the file and reads all of it; nil if it is refused.
  private func read(_ path: String, _ format: any WeightFormat) throws -> [[JSONValue]]? {
    do {
      return try StateDict(path: path, format: format).map { element in
        let tensor = element.tensor
        let shape = tensor.logicalShape.dimensions.map { JSONValue.integer(Int64($0)) }
        return [
          .string(element.name), .string(tensor.typeName), .array(shape), .string(try tensor.read().bytes.hexadecimal),
        ]
      }
    } catch let error as any LocatedError {
      #expect(!error.reason.isEmpty)
      return nil
    }
  }

  @Test("a file with one other byte is refused, or read as its own program reads it", arguments: formats.keys.sorted())
  func singleBytes(name: String) throws {
    let format = try #require(Self.formats[name])
    let original = try #require(try Self.minimal.get()[name])
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "mutant.\(name)").path()
      let accepted = directory.appending(path: "accepted")
      try FileManager.default.createDirectory(at: accepted, withIntermediateDirectories: true)
      var found: [(bytes: [UInt8], tensors: [[JSONValue]])] = []
      var bytes = original
      let file = try #require(fopen(path, "w+"))
      defer { fclose(file) }
      pwrite(fileno(file), bytes, bytes.count, 0)
      for place in bytes.indices {
        for value in UInt8.min...UInt8.max where value != original[place] {
          bytes[place] = value
          pwrite(fileno(file), [value], 1, off_t(place))
          if let tensors = try read(path, format) { found.append((bytes, tensors)) }
        }
        bytes[place] = original[place]
        pwrite(fileno(file), [original[place]], 1, off_t(place))
      }
      // Evenly over the whole file.
      let step = max(1, found.count / Self.compared)
      let chosen = stride(from: 0, to: found.count, by: step).map { found[$0] }
      for (number, mutant) in chosen.enumerated() {
        try Data(mutant.bytes).write(to: accepted.appending(path: "\(number).\(name)"))
      }
      let script = Project.root.appending(path: "Tests/Mutants/mutants.py")
      let theirs = try python(script: script, ["read", accepted.path()]).split(separator: "\n").map {
        try JSONValue(parsing: String($0))
      }
      #expect(theirs.count == chosen.count)
      print("mutants: \(name): \(original.count * 255) files, \(found.count) accepted, \(chosen.count) compared")
      for (mine, answer) in zip(chosen, theirs) {
        if let reason = answer["refused"]?.string {
          #expect(Self.isExplained(reason, name), "\(name): we read \(mine.tensors), they refuse: \(reason)")
        } else {
          let tensors = answer["tensors"]?.array?.compactMap(\.array) ?? []
          #expect(
            Self.named(mine.tensors, name) == Self.named(tensors, name),
            "\(name): \(zip(original, mine.bytes).enumerated().filter { $0.1.0 != $0.1.1 }.map(\.offset))")
        }
      }
    }
  }

  @Test("a file that is cut off is refused wherever it ends", arguments: formats.keys.sorted())
  func truncations(name: String) throws {
    let format = try #require(Self.formats[name])
    let original = try #require(try Self.minimal.get()[name])
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "mutant.\(name)").path()
      try Data(original).write(to: URL(filePath: path))
      let whole = try #require(try read(path, format))
      for count in original.indices {
        try Data(original[..<count]).write(to: URL(filePath: path))
        let tensors = try read(path, format)
        // GGUF ends with eight bytes of padding that belong to no tensor.
        if name == "gguf", count >= original.count - 8 {
          #expect(tensors == nil || tensors == whole)
        } else {
          #expect(tensors == nil, "\(count) of \(original.count) bytes are read")
        }
      }
    }
  }

  /// An array that is alone has its name from the file.
  private static func named(_ tensors: [[JSONValue]], _ name: String) -> Set<[JSONValue]> {
    Set(tensors.map { name == "npy" ? Array($0.dropFirst()) : $0 })
  }

  /// Why a file is read here that its own program refuses, for each format.
  private static let explanations = [
    // The version of zip that the writer thinks a reader needs: Python knows those up to 6.3, to us it says nothing.
    "npz": ["zip file version"],
    // Records beside the tensors, an identifier and the alignment, which PyTorch reads and we do not.
    "pt": ["codec can't decode", "invalid literal for int()"],
  ]

  private static func isExplained(_ reason: String, _ name: String) -> Bool {
    explanations[name]?.contains { reason.contains($0) } == true
  }
}

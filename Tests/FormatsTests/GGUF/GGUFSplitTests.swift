import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Models that gguf-py split into parts.
@Suite struct GGUFSplitTests {
  private static let writer = """
    import json, sys
    import gguf, numpy as np
    random = np.random.default_rng(9)
    split = gguf.GGUFWriter(sys.argv[1] + "/net.gguf", "net", split_max_tensors=2)
    whole = gguf.GGUFWriter(sys.argv[1] + "/whole.gguf", "net")
    for writer in [split, whole]:
        writer.add_name("Zoë"); writer.add_context_length(77)
    for index in range(5):
        value = random.standard_normal((3 + index, 5), np.float32)
        for writer in [split, whole]: writer.add_tensor(f"layer.{4 - index}", value)
    for writer in [split, whole]:
        writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
    """

  private func withParts(_ body: (URL, _ part: (Int) -> URL) throws -> Void) throws {
    try withTemporaryDirectory { folder in
      try python(Self.writer, [folder.path])
      try body(folder) { folder.appending(path: "net-0000\($0)-of-00003.gguf") }
    }
  }

  @Test("the first part reads the model as it is in one file, and writes that file byte for byte")
  func whole() throws {
    try withParts { folder, part in
      let state = try StateDict(contentsOf: part(1))
      let whole = folder.appending(path: "whole.gguf")
      #expect(try state.difference(from: StateDict(contentsOf: whole)).tensorsAreEqual)
      #expect(state.names == ["layer.4", "layer.3", "layer.2", "layer.1", "layer.0"])
      #expect(state.others.isEmpty)
      #expect(state.origin?.layout == "version 3, little-endian, 3 parts")
      let joined = folder.appending(path: "joined.gguf")
      try state.write(to: joined, format: .gguf())
      #expect(try Data(contentsOf: joined) == Data(contentsOf: whole))
    }
  }

  @Test("another part is read alone, and reported as a part")
  func anotherPart() throws {
    try withParts { _, part in
      let state = try StateDict(contentsOf: part(2))
      #expect(state.names == ["layer.2", "layer.1"])
      #expect(state.others.map(\.kind) == ["part of a split model"])
    }
  }

  @Test("a first part whose others are missing is read alone, and names them")
  func missing() throws {
    try withParts { _, part in
      try FileManager.default.removeItem(at: part(3))
      let state = try StateDict(contentsOf: part(1))
      #expect(state.names == ["layer.4", "layer.3"])
      #expect(state.others.first?.reason.hasSuffix("not beside it: \(part(3).path)") == true)
    }
  }

  @Test("parts that contradict each other are refused with every contradiction")
  func contradictions() throws {
    try withParts { _, part in
      try FileManager.default.removeItem(at: part(3))
      try FileManager.default.copyItem(at: part(2), to: part(3))
      let error = #expect(throws: WeightFileError.self) { try StateDict(contentsOf: part(1)) }
      #expect(error?.code == .malformed)
      #expect(error?.file == part(1).path)
      for sentence in [
        "says that it is number 1, it is number 2", "'layer.2' is in", "'layer.1' is in",
        "there should be 5 tensors, there are 6",
      ] { #expect(error?.reason.contains(sentence) == true, "\(sentence)") }
    }
  }

  @Test("a part that is malformed is named with the place")
  func malformedPart() throws {
    try withParts { _, part in
      try Data(GGUFBytes.valid.with { $0.data = [1] }.bytes).write(to: part(2))
      try Data([1, 2, 3]).write(to: part(3))
      let error = #expect(throws: WeightFileError.self) { try StateDict(contentsOf: part(1)) }
      #expect(error?.reason.contains("'net-00002-of-00003.gguf': 96 bytes from byte") == true)
      #expect(error?.reason.contains("'net-00003-of-00003.gguf': ") == true)
    }
  }

  @Test("tensors of a later part that is truncated after it was opened are a typed error in its file")
  func truncated() throws {
    try withParts { _, part in
      let state = try StateDict(contentsOf: part(1))
      let handle = try FileHandle(forWritingTo: part(3))
      try handle.truncate(atOffset: 64)
      let error = #expect(throws: TensorError.self) { try state["layer.0"]?.read() }
      #expect(error?.code == .truncatedFile)
      #expect(error?.file == part(3).path)
    }
  }
}

import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Files that gguf-py wrote, in either byte order.
@Suite struct GGUFReadingTests {
  enum Order: String, CaseIterable { case little = "LITTLE", big = "BIG" }

  /// Writes one file with every number type, prints what numpy has in it as little-endian bytes.
  private static let writer = """
    import json, sys
    import gguf, ml_dtypes, numpy as np
    path, order = sys.argv[1:3]
    random = np.random.default_rng(5)
    big = order == "BIG"
    writer = gguf.GGUFWriter(path, "net", endianess=gguf.GGUFEndian[order])
    tensors = {}
    for index, kind in enumerate(["float32", "float16", "float64", "int8", "int16", "int32", "int64"]):
        width = np.dtype(kind).itemsize
        raw = random.integers(0, 256, (3 + index) * 5 * width, dtype=np.uint8)
        tensors["layer." + kind] = raw.view(kind).reshape(3 + index, 5)
    tensors["special"] = np.array([np.nan, -0.0, 1e-45, -np.inf, 3.5], np.float32).reshape(1, 5, 1)
    tensors["scalar"] = np.array(2.5, np.float32)
    tensors["empty"] = np.zeros((0, 7), np.float32)
    tensors["gewöhnlich.β"] = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(2, 3, 4, 5)
    expected = []
    for name, value in tensors.items():
        writer.add_tensor(name, value)
        expected.append([name, value.dtype.name, list(value.shape), value.tobytes().hex()])
    half = np.arange(6 * 4, dtype=np.float32).reshape(6, 4).astype(ml_dtypes.bfloat16).view(np.uint16)
    stored = (half.byteswap() if big else half).view(np.uint8).reshape(6, 8)
    writer.add_tensor("bf16", stored, raw_dtype=gguf.GGMLQuantizationType.BF16)
    expected.append(["bf16", "bfloat16", [6, 4], half.tobytes().hex()])
    writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
    print(json.dumps(expected))
    """

  private static let dtypes: [String: DType] = [
    "float32": .f32, "float16": .f16, "float64": .f64, "int8": .i8, "int16": .i16, "int32": .i32, "int64": .i64,
    "bfloat16": .bf16,
  ]

  private func withFile(_ order: Order, _ body: (URL, [JSONValue]) throws -> Void) throws {
    try withTemporaryDirectory { folder in
      let url = folder.appending(path: "net.gguf")
      let output = try python(Self.writer, [url.path, order.rawValue])
      try body(url, try #require(try JSONValue(parsing: output).array))
    }
  }

  @Test("names, types, shapes and bytes are those that gguf-py wrote", arguments: Order.allCases)
  func everyTensor(order: Order) throws {
    try withFile(order) { url, expected in
      let state = try StateDict(contentsOf: url)
      #expect(state.names == expected.compactMap { $0.array?[0].string })
      for (element, entry) in zip(state, expected.compactMap(\.array)) {
        #expect(element.tensor.dtype == Self.dtypes[entry[1].string ?? ""], "\(element.name)")
        #expect(element.tensor.shape.dimensions == entry[2].array?.compactMap(\.int), "\(element.name)")
        #expect(try element.tensor.read().bytes.hexadecimal == entry[3].string, "\(element.name)")
      }
    }
  }

  @Test("pieces of any size give the same bytes as the whole", arguments: Order.allCases, [1, 7, 100])
  func pieces(order: Order, size: Int) throws {
    try withFile(order) { url, _ in
      for element in try StateDict(contentsOf: url) {
        var bytes: [UInt8] = []
        try element.tensor.forEachPiece(upTo: size) { bytes += $1 }
        #expect(try bytes == element.tensor.read().bytes, "\(element.name)")
      }
    }
  }

  @Test("a little-endian tensor is a range of the file")
  func byReference() throws {
    try withFile(.little) { url, _ in
      let file = try Data(contentsOf: url)
      for element in try StateDict(contentsOf: url) {
        let offset = Int(try #require(element.tensor.fileOffset, "\(element.name)"))
        let bytes = Array(file[offset..<offset + element.tensor.byteCount])
        #expect(try bytes == element.tensor.read().bytes, "\(element.name)")
      }
    }
  }

  @Test("version 2 is version 3 with another number")
  func versionTwo() throws {
    let state = try GGUFBytes.valid.with { $0.version = 2 }.open()
    #expect(state.origin?.layout == "version 2, little-endian")
    #expect(try state["weight"]?.read().bytes == GGUFBytes.valid.data)
  }

  @Test("a big-endian file may also begin with FUGG")
  func swappedMagic() throws {
    try withFile(.big) { url, expected in
      var bytes = [UInt8](try Data(contentsOf: url))
      bytes.replaceSubrange(0..<4, with: "FUGG".utf8)
      let state = try GGUFBytes.open(bytes)
      #expect(state.origin?.layout == "version 3, big-endian")
      #expect(state.names == expected.compactMap { $0.array?[0].string })
    }
  }

  @Test("a file without tensors and without metadata is valid")
  func emptyFile() throws {
    let state = try GGUFBytes().open()
    #expect(state.isEmpty && state.metadata.isEmpty && state.others.isEmpty)
  }

  @Test("an alignment of 1 and one of 4096 are followed", arguments: [1, 4096])
  func alignments(alignment: Int) throws {
    let second = UInt64((3 + alignment - 1) / alignment * alignment)
    let file = GGUFBytes(
      pairs: [GGUFBytes.alignment(UInt32(alignment))],
      tensors: [GGUFBytes.tensor("a", [3], type: 24), GGUFBytes.tensor("b", [2], type: 24, offset: second)],
      alignment: alignment,
      data: [1, 2, 3] + [UInt8](repeating: 0, count: Int(second) - 3) + [4, 5])
    let state = try file.open()
    #expect(try state["b"]?.read().bytes == [4, 5])
  }

  @Test("bytes behind the last tensor are reported")
  func trailingBytes() throws {
    let state = try GGUFBytes.valid.with { $0.data += [9, 9, 9] }.open()
    let reason = try #require(state.others.first?.reason)
    #expect(reason.hasPrefix("3 bytes follow"))
  }

  @Test("a file that is one part of a split model is reported")
  func splitModel() throws {
    let pairs = [
      GGUFBytes.pair("split.no", 2, GGUFBytes.little(UInt16(1))),
      GGUFBytes.pair("split.count", 2, GGUFBytes.little(UInt16(3))),
    ]
    let state = try GGUFBytes.valid.with { $0.pairs = pairs }.open()
    let reason = try #require(state.others.first?.reason)
    #expect(reason.hasPrefix("this file is number 1, counted from 0, of 3 that make up the model; the first"))
  }

  @Test("a file that shrinks while it is open is a typed error")
  func shrinkingFile() throws {
    try withTemporaryDirectory { folder in
      let url = folder.appending(path: "made.gguf")
      try Data(GGUFBytes.valid.bytes).write(to: url)
      let state = try StateDict(contentsOf: url)
      let handle = try FileHandle(forWritingTo: url)
      try handle.truncate(atOffset: 100)
      let error = #expect(throws: TensorError.self) { try state["weight"]?.read() }
      #expect(error?.code == .truncatedFile)
    }
  }
}

import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Quantised tensors: carried as blocks, or turned into numbers as gguf-py does.
@Suite struct GGUFBlockTests {
  /// Writes blocks of random bits of every type that gguf-py knows, and prints names, shapes and bytes, and the
  /// numbers that gguf-py makes of them. `Q8_1` is left out: gguf-py has another size for it than ggml.
  private static let writer = """
    import json, sys, warnings
    import gguf, numpy as np
    from gguf import quants
    warnings.simplefilter("ignore")
    random = np.random.default_rng(11)
    writer = gguf.GGUFWriter(sys.argv[1], "net")
    kinds = sys.argv[2].split(",") if len(sys.argv) > 2 else [
        kind.name for kind, (elements, _) in gguf.GGML_QUANT_SIZES.items() if elements > 1 and kind.name != "Q8_1"]
    expected = []
    for kind in map(gguf.GGMLQuantizationType.__getitem__, kinds):
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = random.integers(0, 256, (13, 3 * size), dtype=np.uint8)
        blocks[0] = 0
        writer.add_tensor("w." + kind.name, blocks, raw_dtype=kind)
        entry = {"type": kind.name, "shape": [13, 3 * elements], "bytes": blocks.tobytes().hex()}
        if kind.name[0] == "Q" and kind.name not in ("Q8_K", "Q1_0"):
            entry["numbers"] = quants.dequantize(blocks, kind).tobytes().hex()
        expected.append(entry)
    writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
    print(json.dumps(expected))
    """

  private static let dequantisable = [
    "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
  ]

  private func withFile(_ types: [String] = [], _ body: (URL, [JSONValue]) throws -> Void) throws {
    try withTemporaryDirectory { folder in
      let url = folder.appending(path: "net.gguf")
      let arguments = types.isEmpty ? [] : [types.joined(separator: ",")]
      try body(url, try #require(try JSONValue(parsing: try python(Self.writer, [url.path] + arguments)).array))
    }
  }

  @Test("blocks of every type are carried as they are, with their type and their true shape")
  func everyType() throws {
    try withFile { url, expected in
      let state = try StateDict(contentsOf: url)
      #expect(state.count == expected.count && state.count == 25)
      for (element, entry) in zip(state, expected) {
        #expect(element.tensor.dtype == .block)
        #expect(element.tensor.encoding?.name == entry["type"]?.string)
        #expect(element.tensor.encoding.map { JSONValue($0.shape) } == entry["shape"])
        #expect(try element.tensor.read().bytes.hexadecimal == entry["bytes"]?.string, "\(element.name)")
      }
    }
  }

  @Test("types that gguf-py does not know, or sizes wrongly, have the blocks of ggml", arguments: [(9, 36), (42, 18)])
  func sizesOfGGML(type: UInt32, size: Int) throws {
    let bytes = (0..<size * 6).map { UInt8(truncatingIfNeeded: $0) }
    let file = GGUFBytes(tensors: [GGUFBytes.tensor("w", [type == 9 ? 96 : 192, 2], type: type)], data: bytes)
    #expect(try file.open()["w"]?.byteCount == bytes.count)
  }

  @Test("a file of gguf-py with every type is read and written to the same bytes")
  func sameFile() throws {
    try withFile { url, _ in
      let copy = url.appendingPathExtension("copy")
      try StateDict(contentsOf: url).write(to: copy, format: .gguf())
      #expect(try Data(contentsOf: copy) == Data(contentsOf: url))
    }
  }

  @Test("on request, blocks become the numbers that gguf-py computes, in every bit", arguments: dequantisable)
  func dequantised(type: String) throws {
    try withFile([type]) { url, expected in
      let tensor = try #require(StateDict(contentsOf: url, format: .gguf(dequantised: true))["w." + type])
      #expect(tensor.dtype == .f32 && tensor.encoding == nil)
      #expect(JSONValue(tensor.shape) == expected[0]["shape"])
      #expect(try tensor.read().bytes.hexadecimal == expected[0]["numbers"]?.string)
    }
  }

  @Test("pieces of any size give the same numbers as the whole", arguments: ["Q4_0", "Q6_K"], [4, 100, 1000])
  func pieces(type: String, size: Int) throws {
    try withFile([type]) { url, expected in
      var bytes: [UInt8] = []
      let tensor = try StateDict(contentsOf: url, format: .gguf(dequantised: true))["w." + type]
      try tensor?.forEachPiece(upTo: size) { bytes += $1 }
      #expect(bytes.hexadecimal == expected[0]["numbers"]?.string)
    }
  }

  @Test("blocks that are not dequantised here stay blocks when numbers are asked for")
  func otherBlocks() throws {
    try withFile(["IQ4_NL", "Q8_K"]) { url, _ in
      let state = try StateDict(contentsOf: url, format: .gguf(dequantised: true))
      #expect(state.map(\.tensor.dtype) == [.block, .block])
    }
  }

  @Test("dequantised numbers are written as F32, which gguf-py reads")
  func writtenNumbers() throws {
    try withFile(["Q5_K"]) { url, expected in
      let copy = url.appendingPathExtension("copy")
      try StateDict(contentsOf: url, format: .gguf(dequantised: true)).write(to: copy, format: .gguf())
      let code = "import sys, gguf; print(gguf.GGUFReader(sys.argv[1]).tensors[0].data.tobytes().hex())"
      #expect(try python(code, [copy.path]) == (expected[0]["numbers"]?.string ?? "") + "\n")
    }
  }

  @Test("the bytes of blocks are never taken for numbers")
  func noNumbers() throws {
    try withFile(["Q4_0"]) { url, _ in
      let tensor = try #require(StateDict(contentsOf: url)["w.Q4_0"]).read()
      #expect(throws: TensorError.self) { try tensor.floats() }
      #expect(throws: TensorError.self) { try tensor.integers() }
      #expect(!tensor.dtype.widensToFloat32)
    }
  }

  static let otherFormats = FormatRegistry.formats.map { type(of: $0).name }.filter { $0 != "gguf" }

  @Test("every other format refuses blocks", arguments: otherFormats)
  func refusedElsewhere(name: String) throws {
    let format = try #require(FormatRegistry.formats.first { type(of: $0).name == name })
    try withFile(["IQ4_NL"]) { url, _ in
      let state = try StateDict(contentsOf: url)
      let copy = url.appendingPathExtension("copy")
      let error = try #require(#expect(throws: WeightFileError.self) { try state.write(to: copy, format: format) })
      #expect(error.code == .unrepresentable && error.reason.contains("w.IQ4_NL"), "\(error.reason)")
    }
  }

  @Test("blocks are named among the packed weights, and no cast touches them")
  func packedWeights() throws {
    try withFile(["Q4_0", "IQ4_NL"]) { url, _ in
      let state = try StateDict(contentsOf: url)
      #expect(PackedWeights.find(in: state).map(\.scheme) == ["Q4_0 blocks", "IQ4_NL blocks"])
      #expect(throws: TensorError.self) { try state["w.Q4_0"]?.cast(to: .f16) }
      let conversion = try Conversion(state, to: .gguf(), dtype: .f16)
      #expect(conversion.result.map(\.tensor.encoding?.name) == ["Q4_0", "IQ4_NL"])
    }
  }

  @Test("a format that dequantises blocks does not write them")
  func refusedBlocks() throws {
    try withFile(["Q4_0"]) { url, _ in
      let state = try StateDict(contentsOf: url)
      let copy = url.appendingPathExtension("copy")
      let error = #expect(throws: WeightFileError.self) { try state.write(to: copy, format: .gguf(dequantised: true)) }
      #expect(error?.code == .unrepresentable)
    }
  }

  /// gguf-py's own program turns the file around in place.
  private static let swap = """
    import argparse, builtins, logging, sys
    import gguf
    from gguf.scripts import gguf_convert_endian as program
    builtins.input = lambda prompt: "YES"
    logging.disable(logging.CRITICAL)
    program.convert_byteorder(gguf.GGUFReader(sys.argv[1], "r+"), argparse.Namespace(order="big", dry_run=False))
    """

  @Test("blocks of a big-endian file are read as those of the little-endian file it was made from")
  func bigEndian() throws {
    try withFile(["Q4_0", "Q8_0", "Q4_K", "Q6_K", "MXFP4", "NVFP4"]) { url, expected in
      try python(Self.swap, [url.path])
      let state = try StateDict(contentsOf: url)
      #expect(state.origin?.layout == "version 3, big-endian")
      for (element, entry) in zip(state, expected) {
        #expect(try element.tensor.read().bytes.hexadecimal == entry["bytes"]?.string, "\(element.name)")
        var pieces: [UInt8] = []
        try element.tensor.forEachPiece(upTo: 50) { pieces += $1 }
        #expect(pieces.hexadecimal == entry["bytes"]?.string, "\(element.name)")
      }
    }
  }

  @Test("blocks of a big-endian file whose arrangement no program defines are refused by name")
  func unknownBigEndian() throws {
    let writer = """
      import sys, gguf, numpy as np
      writer = gguf.GGUFWriter(sys.argv[1], "net", endianess=gguf.GGUFEndian.BIG)
      writer.add_tensor("w", np.zeros((2, 22), np.uint8), raw_dtype=gguf.GGMLQuantizationType.Q5_0)
      writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
      """
    try withTemporaryDirectory { folder in
      let url = folder.appending(path: "net.gguf")
      try python(writer, [url.path])
      let error = #expect(throws: WeightFileError.self) { try StateDict(contentsOf: url) }
      #expect(error?.code == .unsupported && error?.tensor == "w")
      #expect(error?.reason.contains("Q5_0") == true)
    }
  }
}

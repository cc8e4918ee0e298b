import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Files that contradict themselves, each refused with a typed error and a place.
@Suite struct GGUFHostileTests {
  struct Attack: CustomTestStringConvertible, Sendable {
    let id: String
    let claim: String
    let bytes: [UInt8]
    let code: WeightFileError.Code
    /// What the reason must contain: the number found, or the rule.
    let reason: String

    var testDescription: String { "\(id): \(claim)" }

    init(
      _ id: String, _ claim: String, _ reason: String, _ code: WeightFileError.Code = .malformed,
      _ file: () -> GGUFBytes
    ) {
      (self.id, self.claim, self.reason, self.code, bytes) = (id, claim, reason, code, file().bytes)
    }
  }

  private static func header(_ change: (inout GGUFBytes) -> Void) -> GGUFBytes { GGUFBytes.valid.with(change) }

  private static func pair(_ pair: [UInt8]) -> GGUFBytes { header { $0.pairs = [pair] } }

  private static func tensors(_ tensors: [UInt8]..., data: Int = 96) -> GGUFBytes {
    GGUFBytes(tensors: tensors, data: [UInt8](repeating: 7, count: data))
  }

  private static let allOnes = GGUFBytes.little(UInt64.max)
  private static let number = GGUFBytes.pair("n", 0, [1])

  static let headers = [
    Attack("GG01", "a big-endian magic with a little-endian version", "version 50331648 is", .unsupported) {
      header { $0.magic = Array("FUGG".utf8) }
    },
    Attack("GG02", "version 0", "version 0 is not read", .unsupported) { header { $0.version = 0 } },
    Attack("GG03", "version 1", "version 1 is not read", .unsupported) { header { $0.version = 1 } },
    Attack("GG04", "a version of the future", "version 4 is not read", .unsupported) { header { $0.version = 4 } },
    Attack("GG05", "2^64 - 1 tensors", "18446744073709551615 tensors, the limit is 1000000") {
      header { $0.tensorCount = .max }
    },
    Attack("GG05b", "more tensors than the file has bytes for", "1000 tensors do not fit") {
      header { $0.tensorCount = 1000 }
    },
    Attack("GG06", "2^64 - 1 pairs", "18446744073709551615 key-value pairs, the limit is 65536") {
      header { $0.pairCount = .max }
    },
  ]

  static let metadata = [
    Attack("GG07", "a key of 2^64 - 1 bytes", "a key has 18446744073709551615 bytes") { pair(allOnes + number) },
    Attack("GG08", "an empty key", "a key is ''") { pair(GGUFBytes.pair("", 0, [1])) },
    Attack("GG09", "a value of an unknown type", "the type 13") { pair(GGUFBytes.pair("n", 13, [1])) },
    Attack("GG10", "the same key twice", "the key 'n' appears twice") { header { $0.pairs = [number, number] } },
    Attack("GG11", "an alignment of 13", "\"u32\" 13, an u32 that is a power of two") { pair(GGUFBytes.alignment(13)) },
    Attack("GG11b", "an alignment of 0", "\"u32\" 0, an u32 that is a power of two") { pair(GGUFBytes.alignment(0)) },
    Attack("GG12", "an alignment that is an i32", "\"i32\" 32, an u32 that") {
      pair(GGUFBytes.pair("general.alignment", 5, GGUFBytes.little(Int32(32))))
    },
    Attack("GG27", "a text of 2^63 bytes", "a text has 9223372036854775808 bytes") {
      pair(GGUFBytes.pair("s", 8, GGUFBytes.little(UInt64(1) << 63)))
    },
    Attack("GG27a", "a text above the limit that the file has bytes for", "16777217 bytes, at most 16777216") {
      let count = (16 << 20) + 1
      return pair(GGUFBytes.pair("s", 8, GGUFBytes.little(UInt64(count)) + [UInt8](repeating: 0x61, count: count)))
    },
    Attack("GG27b", "an array of 2^61 numbers of 8 bytes", "2305843009213693952 elements of type u64") {
      pair(GGUFBytes.pair("a", 9, GGUFBytes.little(UInt32(10)) + GGUFBytes.little(UInt64(1) << 61)))
    },
    Attack("GG27c", "an array of more elements than memory is given for", "the limit is 2097152") {
      let count = (2 << 20) + 1
      let start = GGUFBytes.little(UInt32(0)) + GGUFBytes.little(UInt64(count))
      return pair(GGUFBytes.pair("a", 9, start + [UInt8](repeating: 0, count: count)))
    },
    Attack("GG28", "arrays that nest 10,000 levels deep", "nest deeper than 8 levels") {
      let level = GGUFBytes.little(UInt32(9)) + GGUFBytes.little(UInt64(1))
      return pair(GGUFBytes.pair("a", 9, [[UInt8]](repeating: level, count: 10_000).flatMap { $0 }))
    },
    Attack("GG28b", "a bool of 2", "a bool is 2") { pair(GGUFBytes.pair("b", 7, [2])) },
    Attack("GG28c", "a key that is not UTF-8", "not UTF-8") {
      pair(GGUFBytes.little(UInt64(1)) + [0xFF] + GGUFBytes.little(UInt32(0)) + [1])
    },
    Attack("GG28d", "a list of JSON texts that names no key", "'x', which is no key") {
      let list = GGUFBytes.little(UInt32(8)) + GGUFBytes.little(UInt64(1)) + GGUFBytes.text("x")
      return pair(GGUFBytes.pair("tensorferry.json", 9, list))
    },
  ]

  private static let vast: UInt64 = 0x7FFF_FFFF_FFFF_FFC0

  static let descriptions = [
    Attack("GG13", "a name of 65 bytes", "a tensor's name has 65 bytes, at most 64") {
      tensors(GGUFBytes.tensor(String(repeating: "n", count: 65)))
    },
    Attack("GG14", "five dimensions", "there are 5 dimensions, the limit is 4") {
      tensors(GGUFBytes.tensor("t", [1, 2, 3, 2, 2]))
    },
    Attack("GG15", "a dimension of -1", "a dimension is 18446744073709551615") {
      tensors(GGUFBytes.tensor("t", [.max]))
    },
    Attack("GG16", "more elements than 2^63", "the product of the dimensions") {
      tensors(GGUFBytes.tensor("t", [4 * 2_147_483_647, 4 * 2_147_483_647]))
    },
    Attack("GG17", "more bytes than 2^63", "exceed 2^63 bytes") {
      tensors(GGUFBytes.tensor("t", [1 << 31, 1 << 30], type: 27))
    },
    Attack("GG18", "a type that does not exist", "type 43 is not known", .unsupported) {
      tensors(GGUFBytes.tensor("t", [8, 3], type: 43))
    },
    Attack("GG18b", "a type that ggml has withdrawn", "type 31 (Q4_0_4_4) was withdrawn", .unsupported) {
      tensors(GGUFBytes.tensor("t", [32, 3], type: 31))
    },
    Attack("GG19", "an offset of 2^64 - 1", "begins at offset 18446744073709551615") {
      tensors(GGUFBytes.tensor(offset: .max))
    },
    Attack("GG20", "two tensors of the same name", "the name appears twice") {
      tensors(GGUFBytes.tensor(), GGUFBytes.tensor(offset: 96), data: 192)
    },
    Attack("GG21", "an alignment of 13 with tensors that keep to it", "\"u32\" 13, an u32 that is a power of two") {
      GGUFBytes(
        pairs: [GGUFBytes.alignment(13)],
        tensors: [GGUFBytes.tensor("a", [8, 3]), GGUFBytes.tensor("b", offset: 104)],
        alignment: 13, data: [UInt8](repeating: 1, count: 208))
    },
    Attack("GG22", "tensors closer than the alignment", "begins at offset 3, after the tensor before it at 32") {
      tensors(GGUFBytes.tensor("a", [3], type: 24), GGUFBytes.tensor("b", [3], type: 24, offset: 3))
    },
    Attack("GG28e", "tensors that overlap", "begins at offset 64, after the tensor before it at 96") {
      tensors(GGUFBytes.tensor(), GGUFBytes.tensor("b", offset: 64), data: 192)
    },
    Attack("GG28f", "tensors with a hole between them", "begins at offset 128, after the tensor before it at 96") {
      tensors(GGUFBytes.tensor(), GGUFBytes.tensor("b", offset: 128), data: 256)
    },
    Attack("GG28g", "rows that do not fill their blocks", "rows of 48 numbers do not fill the blocks of 32 of Q4_0") {
      tensors(GGUFBytes.tensor("t", [48, 2], type: 2))
    },
    Attack("GG28h", "a scalar of blocks", "do not fill the blocks of 256 of Q4_K") {
      tensors(GGUFBytes.tensor("t", [], type: 12))
    },
  ]

  static let data = [
    Attack("GG23", "one byte of data too few", "96 bytes from byte 96 on are needed, the file has 191") {
      header { $0.data.removeLast() }
    },
    Attack("GG24", "data after an alignment of 13", "\"u32\" 13, an u32 that is a power of two") {
      header {
        $0.pairs = [GGUFBytes.alignment(13)]
        $0.alignment = 13
      }
    },
    Attack("GG25", "data packed by an alignment that is not declared", "after the tensor before it at 32") {
      GGUFBytes(
        tensors: [GGUFBytes.tensor("a", [5], type: 24), GGUFBytes.tensor("b", [5], type: 24, offset: 5)], alignment: 1,
        data: [UInt8](repeating: 3, count: 64))
    },
    Attack("GG26", "sizes whose sum wraps around to 0", "9223372036854775744 bytes from byte") {
      tensors(
        GGUFBytes.tensor("a", [vast], type: 24), GGUFBytes.tensor("b", [vast], type: 24, offset: vast), data: 32)
    },
    Attack("GG28i", "a tensor that ends 2^40 bytes behind the file", "1099511627776 bytes from byte 96 on") {
      tensors(GGUFBytes.tensor("t", [1 << 38, 4], type: 24))
    },
  ]

  @Test("a file that contradicts itself is refused", arguments: headers + metadata + descriptions + data)
  func refused(attack: Attack) throws {
    let error = try #require(#expect(throws: WeightFileError.self) { try GGUFBytes.open(attack.bytes) })
    #expect(error.code == attack.code)
    #expect(error.reason.contains(attack.reason), "\(error.reason)")
    #expect(error.place != nil && error.file != nil && error.format == "gguf")
  }

  @Test("GG01: a file without the magic is of no known format")
  func magic() throws {
    try withTemporaryDirectory { folder in
      let url = folder.appending(path: "made.gguf")
      try Data(GGUFBytes.valid.with { $0.magic = Array("GGML".utf8) }.bytes).write(to: url)
      let error = #expect(throws: WeightFileError.self) { try StateDict(contentsOf: url) }
      #expect(error?.code == .unknownFormat)
    }
  }

  @Test("a dimension of 0, which ggml accepts, makes an empty tensor")
  func zeroDimension() throws {
    let state = try Self.tensors(GGUFBytes.tensor("t", [8, 0])).open()
    #expect(state["t"]?.shape == [0, 8])
  }

  @Test("a file that ends anywhere in its header or its data is refused")
  func truncated() throws {
    let list = GGUFBytes.little(UInt32(8)) + GGUFBytes.little(UInt64(1)) + GGUFBytes.text("x")
    let whole = GGUFBytes.valid.with { $0.pairs = [GGUFBytes.pair("a", 9, list)] }.bytes
    for length in 4..<whole.count {
      #expect(throws: WeightFileError.self, "\(length) bytes") { try GGUFBytes.open(Array(whole[..<length])) }
    }
  }

  @Test("no single changed byte does worse than a typed error")
  func changedBytes() throws {
    let whole = GGUFBytes.valid.with { $0.pairs = [GGUFBytes.alignment(32), Self.number] }.bytes
    var outcomes: Set<Bool> = []
    for position in 0..<whole.count - 96 {
      for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] where value != whole[position] {
        var bytes = whole
        bytes[position] = value
        do {
          for element in try GGUFBytes.open(bytes) {
            #expect(element.tensor.byteCount <= 96)
          }
          outcomes.insert(true)
        } catch is WeightFileError {
          outcomes.insert(false)
        }
      }
    }
    #expect(outcomes == [true, false])
  }
}

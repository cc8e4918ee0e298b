import Foundation
import TensorFerryLZF
import TensorFerryTestSupport
import Testing

/// Blocks that h5py made with its own copy of liblzf: their bytes, and what they were.
private let blocks: [(block: [UInt8], bytes: [UInt8])] = {
  let code = """
    import sys, os, tempfile, h5py, numpy as np
    rng = np.random.default_rng(3)
    samples = [np.zeros(4, 'u1'), np.tile(np.arange(7, dtype='u1'), 400), np.zeros(70000, 'u1'),
               np.repeat(rng.integers(0, 256, 900, dtype='u1'), rng.integers(1, 30, 900))]
    with tempfile.TemporaryDirectory() as folder, h5py.File(os.path.join(folder, 'x.h5'), 'w') as f:
        for index, a in enumerate(samples):
            d = f.create_dataset(str(index), data=a, chunks=a.shape, compression='lzf')
            mask, block = d.id.read_direct_chunk((0,))
            if mask == 0: print(block.hex(), a.tobytes().hex())
    """
  return ((try? python(code)) ?? "").split(separator: "\n").map { line in
    let parts = line.split(separator: " ").map { text in
      let digits = Array(text.utf8)
      return stride(from: 0, to: digits.count, by: 2).compactMap {
        UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
      }
    }
    return (parts[0], parts[1])
  }
}()

private func code(_ body: () throws -> Void) -> LZFError.Code? {
  do {
    try body()
    return nil
  } catch {
    return (error as? LZFError)?.code
  }
}

@Suite struct DecompressTests {
  @Test("blocks that h5py wrote give its bytes")
  func blocksOfH5py() throws {
    #expect(blocks.count >= 3)
    for (block, bytes) in blocks { #expect(try decompressLZF(block, toCount: bytes.count) == bytes) }
  }

  @Test("a block that gives more or fewer bytes than asked for is refused, and the error has both numbers")
  func wrongSize() throws {
    for (block, bytes) in blocks {
      #expect(code { _ = try decompressLZF(block, toCount: bytes.count - 1) } == .tooLong)
      let error = try #require(throws: LZFError.self) { try decompressLZF(block, toCount: bytes.count + 1) }
      #expect(error.code == .tooShort)
      #expect(error.description.contains("gives \(bytes.count) bytes, it should give \(bytes.count + 1)"))
    }
  }

  @Test("a bomb of any length is stopped at the size that was asked for")
  func bomb() {
    // A literal zero, then copies of 264 bytes from one byte back.
    let bomb: [UInt8] = [0, 0] + [[UInt8]](repeating: [0xE0, 0xFF, 0], count: 100_000).flatMap(\.self)
    #expect(code { _ = try decompressLZF(bomb, toCount: 4096) } == .tooLong)
  }

  @Test(
    "runs that end behind the input, and copies of what was not written yet, are damage",
    arguments: [
      [0x05, 1, 2], [0x00], [0xE0], [0xE0, 0x01], [0x00, 7, 0x20], [0x00, 7, 0x20, 0x05], [0x20, 0x00],
      [0x00, 7, 0x3F, 0xFF],
    ] as [[UInt8]])
  func damaged(block: [UInt8]) {
    #expect(code { _ = try decompressLZF(block, toCount: 1000) } == .damaged)
  }

  @Test("nothing is neither a block nor what a block gives")
  func nothing() {
    #expect(code { _ = try decompressLZF([], toCount: 5) } == .unsupportedSize)
    #expect(code { _ = try decompressLZF([0, 1], toCount: 0) } == .unsupportedSize)
  }

  @Test("blocks cut off anywhere give too few bytes or are damaged")
  func truncated() {
    for (block, bytes) in blocks {
      for length in Set((1..<60).map { $0 * block.count / 60 }) where length > 0 && length < block.count {
        let found = code { _ = try decompressLZF(Array(block[..<length]), toCount: bytes.count) }
        #expect(found == .tooShort || found == .damaged, "\(length) of \(block.count)")
      }
    }
  }

  @Test("blocks with changed bytes give the right size or an error")
  func mutants() {
    var generator = SystemRandomNumberGenerator()
    for (block, bytes) in blocks {
      for _ in 0..<2000 {
        var mutant = block
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          mutant[Int.random(in: 0..<mutant.count, using: &generator)] = .random(in: 0...255, using: &generator)
        }
        let result = try? decompressLZF(mutant, toCount: bytes.count)
        #expect(result == nil || result?.count == bytes.count)
      }
    }
  }

  @Test("every error code is produced by a block")
  func everyCode() throws {
    let (block, bytes) = try #require(blocks.last)
    let produced = [
      code { _ = try decompressLZF(block, toCount: bytes.count + 1) },
      code { _ = try decompressLZF(block, toCount: bytes.count - 1) },
      code { _ = try decompressLZF([0xE0], toCount: 9) },
      code { _ = try decompressLZF([], toCount: 9) },
    ]
    #expect(Set(produced.compactMap(\.self)) == Set(LZFError.Code.allCases))
  }
}

public import Foundation

/// Cuts as Gear and FastCDC do: where the rolling hash of the last bytes ends in 16 zeros, after 8 KiB to 512 KiB.
///
/// It is here because the support of the tests is compiled with optimisation.
///
/// - Returns: the size of each chunk by its content's hash.
public func contentChunks(of url: URL) throws -> [UInt64: Int] {
  var generator = SeededRandom(1)
  let gear = (0..<256).map { _ in generator.next() }
  let mask: UInt64 = 0xFFFF << 48
  var result: [UInt64: Int] = [:]
  try Data(contentsOf: url).withUnsafeBytes { bytes in
    var start = 0
    var rolling: UInt64 = 0
    var content: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in 0..<bytes.count {
      rolling = rolling << 1 &+ gear[Int(bytes[index])]
      content = (content ^ UInt64(bytes[index])) &* 0x100_0000_01B3
      let count = index + 1 - start
      guard (count >= 8 << 10 && rolling & mask == 0) || count == 512 << 10 || index + 1 == bytes.count else {
        continue
      }
      result[content] = count
      (start, rolling, content) = (index + 1, 0, 0xCBF2_9CE4_8422_2325)
    }
  }
  return result
}

import TensorFerryHDF5Reading

/// A structure of a file that ends with its checksum.
public struct ChecksummedRegion {
  public let range: Range<Int>

  public init(range: Range<Int>) { self.range = range }

  private static let signatures = [
    "OHDR", "OCHK", "BTHD", "BTIN", "BTLF", "FRHP", "FHIB", "SMTB", "SMLI", "FAHD", "FADB", "EAHD", "EAIB", "EASB",
    "EADB",
  ]

  /// Every part that begins with a signature and whose bytes have the checksum that follows it.
  public static func find(in bytes: [UInt8]) -> [ChecksummedRegion] {
    var regions: [ChecksummedRegion] = []
    let starts = Set(signatures.map { Array($0.utf8) })
    for start in 0..<max(0, bytes.count - 8) where starts.contains(Array(bytes[start..<start + 4])) {
      for end in start + 8..<min(bytes.count - 3, start + 1200) where lookup3(bytes, start..<end) == stored(bytes, end)
      {
        regions.append(ChecksummedRegion(range: start..<end))
        break
      }
    }
    return regions
  }

  private static func stored(_ bytes: [UInt8], _ place: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << (8 * UInt32($1)) }
  }

  /// True if the structure is there and has its checksum.
  public func isIntact(in bytes: [UInt8]) -> Bool {
    range.upperBound + 4 <= bytes.count && lookup3(bytes, range) == Self.stored(bytes, range.upperBound)
  }

  public func repair(_ bytes: inout [UInt8]) {
    let sum = lookup3(bytes, range)
    for index in 0..<4 { bytes[range.upperBound + index] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(index))) }
  }
}

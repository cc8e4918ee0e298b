import TensorFerryTestSupport
import TensorFerryZlib

/// One member of an archive, which is then written anew around it with the right sizes and checksums.
enum ZipMutator {
  private struct Member {
    let name: [UInt8]
    let method: UInt64
    var content: [UInt8]
    let byteCount: UInt64
    var checksum: UInt64
  }

  static func mutate(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8]? {
    guard var members = members(of: bytes), !members.isEmpty else { return nil }
    let stored = members.indices.filter { members[$0].method == 0 }
    // Members that say what the others are, more often.
    let speaking = stored.filter { index in
      let name = String(decoding: members[index].name, as: UTF8.self)
      return [".pkl", ".json", ".npy"].contains { name.hasSuffix($0) }
    }
    let candidates = speaking.isEmpty || Bool.random(using: &random) ? stored : speaking
    guard let index = candidates.randomElement(using: &random) else { return nil }
    let old = members[index].content
    let new: [UInt8]? =
      switch old.first {
      case 0x93: NumPyMutator.mutate(old, &random)
      case UInt8(ascii: "{"): TextMutator.mutate(old, &random)
      default: NumberMutator.mutate(old, &random)
      }
    members[index] = member(members[index].name, new ?? mutated(old))
    return archive(of: members)
  }

  private static func member(_ name: [UInt8], _ content: [UInt8]) -> Member {
    var checksum = CRC32()
    checksum.update(content)
    return Member(
      name: name, method: 0, content: content, byteCount: UInt64(content.count), checksum: UInt64(checksum.value))
  }

  /// The members by the central directory of an archive in 32 bits.
  private static func members(of bytes: [UInt8]) -> [Member]? {
    let end = bytes.count - 22
    guard end >= 0, let count = bytes.integer(at: end + 10, width: 2),
      var place = bytes.integer(at: end + 16, width: 4),
      bytes[end..<end + 4].elementsEqual([0x50, 0x4B, 5, 6])
    else { return nil }
    var members: [Member] = []
    for _ in 0..<count {
      guard let method = bytes.integer(at: place + 10, width: 2),
        let checksum = bytes.integer(at: place + 16, width: 4),
        let size = bytes.integer(at: place + 20, width: 4), let byteCount = bytes.integer(at: place + 24, width: 4),
        let nameCount = bytes.integer(at: place + 28, width: 2), let extra = bytes.integer(at: place + 30, width: 2),
        let comment = bytes.integer(at: place + 32, width: 2), let start = bytes.integer(at: place + 42, width: 4),
        let localName = bytes.integer(at: start + 26, width: 2),
        let localExtra = bytes.integer(at: start + 28, width: 2),
        place + 46 + nameCount <= bytes.count, start + 30 + localName + localExtra + size <= bytes.count
      else { return nil }
      let data = start + 30 + localName + localExtra
      members.append(
        Member(
          name: Array(bytes[place + 46..<place + 46 + nameCount]), method: UInt64(method),
          content: Array(bytes[data..<data + size]), byteCount: UInt64(byteCount), checksum: UInt64(checksum)))
      place += 46 + nameCount + extra + comment
    }
    return members
  }

  private static func archive(of members: [Member]) -> [UInt8] {
    var bytes: [UInt8] = []
    var directory: [UInt8] = []
    for member in members {
      // From the version that is needed to the size of the extra field: the same in both headers.
      let common =
        UInt64(20).bytes(2) + UInt64(0x800).bytes(2) + member.method.bytes(2) + UInt64(0).bytes(4)
        + member.checksum.bytes(4) + UInt64(member.content.count).bytes(4) + member.byteCount.bytes(4)
        + UInt64(member.name.count).bytes(2) + UInt64(0).bytes(2)
      directory +=
        [0x50, 0x4B, 1, 2, 20, 0] + common + UInt64(0).bytes(10) + UInt64(bytes.count).bytes(4) + member.name
      bytes += [0x50, 0x4B, 3, 4] + common + member.name + member.content
    }
    let end =
      [0x50, 0x4B, 5, 6] + UInt64(0).bytes(4) + UInt64(members.count).bytes(2) + UInt64(members.count).bytes(2)
      + UInt64(directory.count).bytes(4) + UInt64(bytes.count).bytes(4) + UInt64(0).bytes(2)
    return bytes + directory + end
  }
}

import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct ZipArchiveTests {
  /// What Python's zipfile says of an archive: for each member its name, method, sizes, checksum and bytes.
  private static let dump = """

    import base64, json, zipfile
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        print(json.dumps([[i.filename, i.compress_type, i.compress_size, i.file_size, i.CRC,
            base64.b64encode(archive.read(i)).decode()] for i in archive.infolist()]))
    """

  private func expectAgreement(_ code: String, at location: SourceLocation = #_sourceLocation) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "archive.zip")
      let text = try python("import sys\npath = sys.argv[1]\n" + code + Self.dump, [url.path])
      let expected = try #require(try JSONValue(parsing: text).array).compactMap(\.array)
      let archive = try ZipArchive(SourceFile(path: url.path), format: "zip")
      try #require(!expected.isEmpty && archive.members.count == expected.count, sourceLocation: location)
      for (member, fields) in zip(archive.members, expected) {
        #expect(member.name == fields[0].string, sourceLocation: location)
        #expect(member.isStored == (fields[1].int == 0), sourceLocation: location)
        #expect(member.compressedByteCount == fields[2].int.map(UInt64.init), sourceLocation: location)
        #expect(member.byteCount == fields[3].int.map(UInt64.init), sourceLocation: location)
        #expect(member.crc32 == fields[4].int.map { UInt32($0) }, sourceLocation: location)
        let bytes = try #require(fields[5].string.flatMap { Data(base64Encoded: $0) })
        #expect(try archive.read(member, limit: 1 << 20) == [UInt8](bytes), sourceLocation: location)
        #expect(try archive.bytes(of: member).read().bytes == [UInt8](bytes), sourceLocation: location)
        try archive.verify(member)
        #expect(archive[member.name] == member, sourceLocation: location)
      }
    }
  }

  @Test("an archive that PyTorch wrote has the members that Python finds in it")
  func torch() throws {
    try expectAgreement(
      """
      import torch
      torch.save({'w': torch.arange(12.0).reshape(3, 4), 'empty': torch.zeros(0), 'n': 3}, path)
      """)
  }

  @Test("an archive that PyTorch wrote without checksums is read")
  func torchWithoutChecksums() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "weights.pt")
      try python(
        """
        import sys, torch
        torch.serialization.set_crc32_options(False)
        torch.save({'w': torch.tensor([1.5, 2.5])}, sys.argv[1])
        """, [url.path])
      let archive = try ZipArchive(SourceFile(path: url.path), format: "zip")
      let member = try #require(archive["weights/data/0"])
      #expect(!member.hasChecksum)
      #expect(try archive.read(member, limit: 8) == [0, 0, 0xC0, 0x3F, 0, 0, 0x20, 0x40])
      #expect(member.dataOffset % 64 == 0)
    }
  }

  @Test(
    "stored and deflated members, with 64-bit headers and written to a stream, are those that Python finds",
    arguments: [0, 8], [(false, false), (false, true), (true, false), (true, true)])
  func zipfile(method: Int, isWideAndStream: (Bool, Bool)) throws {
    let (isWide, isStream) = isWideAndStream
    try expectAgreement(
      """
      import random, zipfile
      class Stream:
          def __init__(self): self.file = open(path, 'wb')
          def write(self, data): return self.file.write(data)
          def flush(self): self.file.flush()
      stream = Stream() if \(isStream ? "True" : "False") else open(path, 'wb')
      with zipfile.ZipFile(stream, 'w', \(method)) as archive:
          for name, size in [('a', 1), ('folder/größe', 70000), ('empty', 0), ('zeros', 300000)]:
              with archive.open(name, 'w', force_zip64=\(isWide ? "True" : "False")) as member:
                  member.write(bytes(size) if name == 'zeros' else random.Random(3).randbytes(size))
      getattr(stream, 'file', stream).close()
      """)
  }

  @Test("ranges of a deflated member are right in any order")
  func ranges() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "archive.zip")
      try python(
        """
        import struct, sys, zipfile
        with zipfile.ZipFile(sys.argv[1], 'w', 8) as archive:
            archive.writestr('n', b''.join(struct.pack('<I', i) for i in range(100000)))
        """, [url.path])
      let archive = try ZipArchive(SourceFile(path: url.path), format: "zip")
      let bytes = try archive.bytes(of: archive.members[0], from: 4)
      for start in [0, 4000, 8000, 4, 399_992, 200_000, 0] {
        var value: UInt32 = 0
        try withUnsafeMutableBytes(of: &value) { try bytes.read(start..<start + 4, into: $0) }
        #expect(value == UInt32(start / 4 + 1))
      }
    }
  }

  @Test("the limits of members, directory, expansion and of what a caller expects are kept")
  func limits() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "archive.zip")
      try python(
        """
        import sys, zipfile
        with zipfile.ZipFile(sys.argv[1], 'w', 8) as archive:
            archive.writestr('a', bytes(100000)), archive.writestr('b', b'')
        """, [url.path])
      let file = try SourceFile(path: url.path)
      func code(_ change: (inout ZipLimits) -> Void) -> WeightFileError.Code? {
        var limits = ZipLimits.default
        change(&limits)
        do { _ = try ZipArchive(file, format: "zip", limits: limits) } catch {
          return (error as? WeightFileError)?.code
        }
        return nil
      }
      #expect(code { _ in } == nil)
      #expect(code { $0.memberCount = 1 } == .malformed)
      #expect(code { $0.directoryByteCount = 93 } == .malformed)
      #expect(code { $0.directoryByteCount = 94 } == nil)
      #expect(code { $0.freeByteCount = 99_999 } == .malformed)
      let archive = try ZipArchive(file, format: "zip")
      #expect(throws: WeightFileError.self) { try archive.read(archive.members[0], limit: 99_999) }
    }
  }
}

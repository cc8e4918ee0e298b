import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct ZipWriterTests {
  /// Python's names, offsets of data and bytes of an archive, whose checksums it tests.
  private func rows(_ url: URL) throws -> [[JSONValue]] {
    let text = try python(
      """
      import json, struct, sys, zipfile
      data = open(sys.argv[1], 'rb').read()
      with zipfile.ZipFile(sys.argv[1]) as archive:
          assert archive.testzip() is None
          rows = []
          for i in archive.infolist():
              name, extra = struct.unpack('<HH', data[i.header_offset + 26:i.header_offset + 30])
              rows.append([i.filename, i.header_offset + 30 + name + extra, list(archive.read(i)), i.date_time[0]])
      print(json.dumps(rows))
      """, [url.path])
    return try #require(try JSONValue(parsing: text).array).compactMap(\.array)
  }

  @Test(
    "Python reads what is written, with numbers of 32 and of 64 bits, aligned",
    arguments: [UInt64(UInt32.max) - 1, 40, 3], [1, 64, 4096])
  func archive(largest: UInt64, alignment: UInt64) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "archive.zip")
      let contents: [(String, [UInt8])] = [
        ("archive/data.pkl", Array(0..<200)), ("größe", [1, 2, 3]), ("empty", []), ("last", [9]),
      ]
      let output = try OutputFile(creating: url.path)
      let writer = ZipWriter(output, largest: largest)
      for (name, bytes) in contents { try writer.add(name, bytes, alignment: alignment) }
      try writer.finish()
      try output.close()

      let rows = try self.rows(url)
      #expect(rows.map { $0[0].string } == contents.map(\.0))
      #expect(rows.map { $0[2].array?.compactMap(\.int) } == contents.map { $0.1.map(Int.init) })
      #expect(rows.allSatisfy { ($0[1].int ?? 1) % Int(alignment) == 0 && $0[3].int == 1980 })
      let archive = try ZipArchive(SourceFile(path: url.path), format: "zip")
      #expect(archive.members.map(\.name) == contents.map(\.0))
      #expect(archive.members.map { Int($0.dataOffset) } == rows.compactMap { $0[1].int })
      for (member, content) in zip(archive.members, contents) {
        #expect(try archive.read(member, limit: 1000) == content.1)
      }
    }
  }

  @Test("PyTorch finds the members of an archive of ours, by its own reader")
  func torch() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "archive.pt")
      let output = try OutputFile(creating: url.path)
      let writer = ZipWriter(output)
      try writer.add("archive/data.pkl", [UInt8]("content".utf8), alignment: 64)
      try writer.add("archive/version", [UInt8]("3\n".utf8), alignment: 64)
      try writer.finish()
      try output.close()
      let text = try python(
        """
        import sys, torch
        reader = torch._C.PyTorchFileReader(sys.argv[1])
        print(reader.get_all_records(), reader.get_record('data.pkl'), reader.get_record_offset('data.pkl') % 64)
        """, [url.path])
      #expect(text == "['data.pkl', 'version'] b'content' 0\n")
    }
  }
}

import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct ZipDamageTests {
  /// A small archive with a stored and a deflated array, and its tensors.
  private func small(_ body: (_ bytes: [UInt8], _ tensors: [Tensor], _ directory: URL) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "whole.npz")
      let code = """
        with zipfile.ZipFile(path, 'w') as archive:
            for method, name in [(0, 'stored.npy'), (8, 'deflated.npy')]:
                array = io.BytesIO()
                np.lib.format.write_array(array, rng.normal(size=(2, 3)).astype('f4'))
                archive.writestr(name, array.getvalue(), method)
        """
      let expected = try NumPyFiles.load(url, writtenBy: code)
      try body([UInt8](try Data(contentsOf: url)), try expected.map { try $0.tensor.read() }, directory)
    }
  }

  @Test("an archive that is cut off anywhere is an error")
  func truncated() throws {
    try small { bytes, _, directory in
      let url = directory.appending(path: "cut.npz")
      for count in bytes.indices {
        try Data(bytes[..<count]).write(to: url)
        let outcome = Attack.outcome(of: url, format: .npz)
        #expect(outcome.code == "malformed", "\(count) bytes: \(outcome)")
      }
    }
  }

  @Test("a flipped bit is an error, or is outside everything that makes up names, shapes and values")
  func flipped() throws {
    try small { bytes, tensors, directory in
      let url = directory.appending(path: "flipped.npz")
      var accepted = 0
      for index in bytes.indices {
        for bit in [index % 8, (index + 3) % 8] {
          var damaged = bytes
          damaged[index] ^= 1 << bit
          try Data(damaged).write(to: url)
          do {
            let state = try StateDict(contentsOf: url, format: .npz)
            let read = try state.map { try $0.tensor.read() }
            #expect(state.names == ["stored", "deflated"] && read == tensors, "bit \(bit) of byte \(index)")
            accepted += 1
          } catch let error as any LocatedError {
            #expect(error.file == url.path)
          }
        }
      }
      // Versions, dates and attributes may be anything: they take less than a quarter of this small file.
      #expect(accepted < bytes.count / 2)
    }
  }

  @Test("a flipped bit in stored data is found whether the tensor is read at once or piece by piece")
  func pieces() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "flipped.npz")
      _ = try NumPyFiles.load(url, writtenBy: "np.savez(path, w=rng.normal(size=(50, 70)))")
      var bytes = [UInt8](try Data(contentsOf: url))
      let offset = try #require(try StateDict(contentsOf: url)["w"]?.fileOffset)
      bytes[Int(offset) + 27_000] ^= 0x10
      try Data(bytes).write(to: url)
      let tensor = try #require(try StateDict(contentsOf: url)["w"])
      for _ in 0..<2 {
        #expect(throws: WeightFileError.self) { try tensor.read() }
        #expect(throws: WeightFileError.self) { try tensor.forEachPiece(upTo: 1000) { _, _ in } }
      }
    }
  }
}

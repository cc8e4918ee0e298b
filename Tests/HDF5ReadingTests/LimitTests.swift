import Foundation
import TensorFerryHDF5Reading
import TensorFerryTestSupport
import Testing

@Suite struct LimitTests {
  /// Lets h5py write a file and describes it.
  private func describe(_ code: String, _ body: (HDF5Inventory) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "file.h5").path()
      try python("import sys, h5py, numpy as np\npath = sys.argv[1]\n" + code, [path])
      try body(HDF5Inventory(describing: path))
    }
  }

  private func refusal(_ inventory: HDF5Inventory) -> String? {
    guard case .dataset(let dataset) = inventory.links.first?.target, case .refused(let reason) = dataset.storage else {
      return nil
    }
    return reason
  }

  @Test("more chunks than are read are refused with the limit")
  func chunks() throws {
    try describe(
      "h5py.File(path, 'w').create_dataset('x', (200001,), 'u1', chunks=(1,), fillvalue=1)"
    ) { #expect(refusal($0) == "it has a grid of [200001] chunks, the limit is 200000") }
  }

  @Test("as many chunks as are read are read")
  func mostChunks() throws {
    try describe("h5py.File(path, 'w').create_dataset('x', (200000,), 'u1', chunks=(1,), fillvalue=1)") {
      #expect($0.links.count == 1)
      #expect(refusal($0) == nil)
    }
  }

  @Test("an object with more attributes than are read is listed as unreadable with the limit")
  func attributes() throws {
    try describe(
      """
      f = h5py.File(path, 'w', libver='v110')
      d = f.create_dataset('x', data=[1.5])
      for i in range(4097): d.attrs[str(i)] = np.int8(1)
      """
    ) {
      guard case .unreadable(let reason) = $0.links.first?.target else {
        Issue.record("\($0.links)")
        return
      }
      #expect(reason == "more than the 4096 attributes that are read")
    }
  }

  /// One text of 1 MiB that 100 elements of an attribute name: 100 MiB.
  @Test("a text that is named over and over is refused with the limit")
  func texts() throws {
    let error = try #require(throws: HDF5Error.self) {
      try describe(
        """
        f = h5py.File(path, 'w')
        f.attrs.create('a', ['x' * (1 << 20)] + ['y'] * 99, dtype=h5py.string_dtype())
        f.close()
        raw = open(path, 'rb').read()
        first, size = -1, (1 << 20).to_bytes(4, 'little')
        while True:
            first = raw.index(size, first + 1)
            if raw[first + 16:first + 20] == (1).to_bytes(4, 'little'): break
        open(path, 'wb').write(raw[:first] + raw[first:first + 16] * 100 + raw[first + 1600:])
        """
      ) { _ in }
    }
    #expect(error.code == .limitExceeded)
    #expect(error.reason.contains("the limit is 67108864"))
  }
}

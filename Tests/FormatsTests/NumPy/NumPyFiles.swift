import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Reads what numpy reads: `numpy.load` gives the names, types, shapes and bytes that are expected.
enum NumPyFiles {
  private static let prelude = """
    import io, json, os, struct, sys, zipfile
    import numpy as np
    path = sys.argv[1]
    rng = np.random.default_rng(5)

    """

  /// Writes an index of arrays to stdout and their row-major little-endian bytes to a file.
  private static let dump = """

    loaded = np.load(path, allow_pickle=False)
    arrays = dict(loaded.items()) if path.endswith('.npz') else {os.path.basename(path)[:-4]: loaded}
    kinds = {'bool': 'BOOL', 'complex64': 'C64', 'complex128': 'C128'}
    index = []
    with open(path + '.expected', 'wb') as expected:
        for name, array in arrays.items():
            kind = kinds.get(array.dtype.name) or array.dtype.kind.upper() + str(8 * array.dtype.itemsize)
            index.append([name, kind, list(array.shape), expected.tell()])
            expected.write(array.astype(array.dtype.newbyteorder('<'), order='C').tobytes(order='C'))
    print(json.dumps(index))
    """

  /// Runs Python code that writes a file to `path`, and returns what numpy loads from it.
  static func load(_ url: URL, writtenBy code: String = "") throws -> StateDict {
    let index = try JSONValue(parsing: try python(prelude + code + dump, [url.path]))
    let bytes = [UInt8](try Data(contentsOf: url.appendingPathExtension("expected")))
    var state = StateDict()
    for entry in index.array ?? [] {
      let fields = entry.array ?? []
      let dtype = try #require(fields[1].string.flatMap(DType.init(rawValue:)), "\(fields[1].text())")
      let shape = try Shape(#require(fields[2].array).compactMap(\.int))
      let offset = try #require(fields[3].int)
      let slice = bytes[offset..<offset + (try dtype.byteCount(of: shape.elementCount))]
      try state.append(
        #require(fields[0].string), LazyTensor(Tensor(dtype: dtype, shape: shape, bytes: Array(slice))))
    }
    return state
  }

  /// Lets Python code write a file, reads it, and compares with what numpy loads: whole tensors, and in pieces.
  static func expectAgreement(
    _ ending: String, _ code: String, format: (any WeightFormat)? = nil, at location: SourceLocation = #_sourceLocation
  ) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "array.\(ending)")
      let expected = try load(url, writtenBy: code)
      let state = try StateDict(contentsOf: url, format: format)
      #expect(!expected.isEmpty, sourceLocation: location)
      expectEqual(state, expected, at: location)
    }
  }

  /// Compares names, order, types, shapes and bytes; the bytes also when they are read in small pieces.
  static func expectEqual(_ state: StateDict, _ expected: StateDict, at location: SourceLocation = #_sourceLocation) {
    #expect(state.names == expected.names, sourceLocation: location)
    for (mine, theirs) in zip(state, expected) {
      let name = Comment(rawValue: mine.name)
      #expect(mine.tensor.dtype == theirs.tensor.dtype, name, sourceLocation: location)
      #expect(mine.tensor.shape == theirs.tensor.shape, name, sourceLocation: location)
      #expect(throws: Never.self, name, sourceLocation: location) {
        let bytes = try theirs.tensor.read().bytes
        let whole = try mine.tensor.read().bytes
        #expect(whole == bytes, name, sourceLocation: location)
        var pieces: [UInt8] = []
        try mine.tensor.forEachPiece(upTo: max(bytes.count / 7 + 3, 5)) { pieces += $1 }
        #expect(pieces == bytes, name, sourceLocation: location)
      }
    }
  }
}

import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// HDF5 files that Python code writes as the programs do whose files they are, and what the code says of them.
enum HDF5Files {
  private static let prelude = """
    import io, json, os, sys
    import h5py, ml_dtypes, numpy as np
    path = sys.argv[1]
    rng = np.random.default_rng(5)
    expected = []
    NAMES = {'bfloat16': 'BF16', 'float8_e4m3fn': 'F8_E4M3', 'float8_e5m2': 'F8_E5M2', 'float32': 'F32',
             'float16': 'F16', 'float64': 'F64', 'int64': 'I64', 'uint8': 'U8', 'uint16': 'U16', 'int16': 'I16',
             'float8_e8m0fnu': 'F8_E8M0', 'bool': 'BOOL', 'int8': 'I8'}
    def expect(name, value, alias=None):
        a = np.asarray(value.detach().cpu().numpy() if hasattr(value, 'detach') else value)
        expected.append([name, NAMES[a.dtype.name], list(a.shape), a.tobytes().hex(), alias])

    """

  /// Importing torch takes longer than everything else, so only code that names it gets it.
  private static let torch = """
    import torch
    from collections import OrderedDict
    torch.manual_seed(5)
    model = torch.nn.Sequential(OrderedDict(
        fc=torch.nn.Linear(7, 5), norm=torch.nn.BatchNorm1d(5), out=torch.nn.Linear(5, 3)))
    model.norm.running_mean += torch.arange(5)
    state = model.state_dict()

    """

  private static func complete(_ code: String) -> String {
    prelude + (code.contains("torch.") || code.contains("state") ? torch : "") + code
  }

  /// Lets Python code write the file `path` and call `expect(name, array, alias)` for each tensor that must be read, in
  /// order; reads the file and compares everything.
  @discardableResult
  static func expectAgreement(
    _ code: String, voidTypes: VoidTypes = [], at location: SourceLocation = #_sourceLocation
  ) throws -> StateDict {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "file.h5")
      let text = try python(complete(code) + "\nprint(json.dumps(expected))", [url.path])
      let expected = try JSONValue(parsing: text.trimmingCharacters(in: .whitespacesAndNewlines)).array ?? []
      let state = try StateDict(contentsOf: url, options: ReadingOptions(voidTypes: voidTypes))
      #expect(state.names == expected.map { $0.array?[0].string }, sourceLocation: location)
      for (element, entry) in zip(state, expected) {
        let name = Comment(rawValue: element.name)
        let fields = entry.array ?? []
        #expect(element.tensor.dtype.rawValue == fields[1].string, name, sourceLocation: location)
        #expect(element.tensor.shape.dimensions == fields[2].array?.compactMap(\.int), name, sourceLocation: location)
        let hex = try element.tensor.read().bytes.map { String(format: "%02x", $0) }.joined()
        #expect(hex == fields[3].string, name, sourceLocation: location)
        #expect(element.aliasOf == fields[4].string, name, sourceLocation: location)
      }
      return state
    }
  }

  /// The same for code that expects nothing: writes the file and gives it to `body`.
  static func with<Result>(_ code: String, _ body: (URL) throws -> Result) throws -> Result {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "file.h5")
      try python(complete(code), [url.path])
      return try body(url)
    }
  }
}

import Foundation
public import TensorFerryTensors

/// Runs Python code that may call `emit(name, tensor)` and `note(key, value)`, with `torch` and `np` imported, and
/// returns what it emitted, in order, with the notes as metadata.
///
/// Tensors are float32 or float64; several threads compute them, as in real use.
public func pythonTensors(_ code: String, _ arguments: [String] = []) throws -> StateDict {
  try withTemporaryDirectory { directory in
    let data = directory.appending(path: "data")
    let text = try python(prelude + code + "\nfinish()\n", [data.path()] + arguments)
    let index = try JSONValue(parsing: text)
    var state = StateDict()
    let bytes = [UInt8](try Data(contentsOf: data))
    for entry in index["tensors"]?.array ?? [] {
      guard let name = entry["name"]?.string, let dtype = entry["dtype"]?.string.flatMap(DType.init(rawValue:)),
        let dimensions = entry["shape"]?.array?.compactMap(\.int), let offset = entry["offset"]?.int
      else { throw PythonFailure(description: "not an entry: \(entry.text())") }
      let shape = try Shape(dimensions)
      let slice = bytes[offset..<offset + (try dtype.byteCount(of: shape.elementCount))]
      try state.append(name, LazyTensor(Tensor(dtype: dtype, shape: shape, bytes: Array(slice))))
    }
    state.metadata = index["notes"]?.members ?? []
    return state
  }
}

private let prelude = """
  import json, sys
  import numpy as np
  import torch
  torch.set_num_threads(2)
  _tensors, _notes, _file = [], {}, open(sys.argv[1], "wb")
  def emit(name, tensor):
      array = np.ascontiguousarray(tensor.detach().numpy())
      kind = {"float32": "F32", "float64": "F64"}[str(array.dtype)]
      _tensors.append({"name": name, "dtype": kind, "shape": list(tensor.shape), "offset": _file.tell()})
      _file.write(array.astype(array.dtype.newbyteorder("<")).tobytes())
  def note(key, value):
      _notes[key] = value
  def finish():
      _file.close()
      print(json.dumps({"tensors": _tensors, "notes": _notes}))

  """

import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// A file that PyTorch writes in the test run, and what PyTorch says is in it.
struct TorchCase: Sendable, CustomTestStringConvertible {
  let sentence: String
  /// Python that ends with `save(object, expected, ...)`; see `TorchFile.prelude`.
  let code: String

  var testDescription: String { sentence }

  init(_ sentence: String, _ code: String) {
    self.sentence = sentence
    self.code = code
  }
}

struct TorchFile: Sendable {
  let bytes: Data
  /// The report of `save`.
  let expected: JSONValue

  /// Writes all cases in one run of Python, because starting PyTorch takes seconds.
  static func make(_ cases: [TorchCase]) throws -> [String: TorchFile] {
    try withTemporaryDirectory { directory in
      let body = cases.enumerated().map { index, element in
        "def case\(index)():\n" + element.code.split(separator: "\n").map { "  \($0)\n" }.joined()
          + "begin(\(index)); case\(index)()\n"
      }
      let text = try python(prelude + body.joined() + "finish()\n", [directory.path])
      let reports = try JSONValue(parsing: text).array ?? []
      return Dictionary(
        uniqueKeysWithValues: try cases.enumerated().map { index, element in
          let bytes = try Data(contentsOf: directory.appending(path: "\(index).pt"))
          return (element.sentence, TorchFile(bytes: bytes, expected: reports[index]))
        })
    }
  }

  /// Opens the file as a state dict.
  func withState<Result>(_ body: (StateDict) throws -> Result) throws -> Result {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "weights.pt")
      try bytes.write(to: url)
      return try body(try StateDict(contentsOf: url))
    }
  }

  /// Compares names, order, dtypes, shapes, bits, ties and metadata with the report.
  func check() throws {
    try withState { state in
      let tensors = expected["tensors"]?.array ?? []
      #expect(state.names == tensors.compactMap { $0["name"]?.string })
      for (element, tensor) in zip(state, tensors) {
        #expect(element.tensor.dtype.rawValue == tensor["dtype"]?.string, "\(element.name)")
        #expect(JSONValue(element.tensor.shape) == tensor["shape"], "\(element.name)")
        let hash = try element.tensor.sha256()
        #expect(hash == tensor["sha256"]?.string, "\(element.name)")
        #expect(JSONValue(element.aliasOf) == tensor["alias_of"], "\(element.name)")
      }
      if let metadata = expected["metadata"]?.members { #expect(state.metadata == metadata) }
      #expect(state.others.map { JSONValue($0.name + ": " + $0.kind) } == expected["others"]?.array)
    }
  }

  private static let prelude = """
    import collections, copy, hashlib, io, json, os, pickle, sys, textwrap, warnings, zipfile
    import numpy as np
    import torch
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(7)
    names = {"bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "uint16": "U16", "int32": "I32",
             "uint32": "U32", "int64": "I64", "uint64": "U64", "float16": "F16", "bfloat16": "BF16", "float32": "F32",
             "float64": "F64", "complex64": "C64", "complex128": "C128", "float8_e4m3fn": "F8_E4M3",
             "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0", "float8_e4m3fnuz": "F8_E4M3FNUZ",
             "float8_e5m2fnuz": "F8_E5M2FNUZ", "float4_e2m1fn_x2": "F4"}
    reports, path = [], None

    def begin(index):
        global path
        path = os.path.join(sys.argv[1], f"{index}.pt")

    def raw(tensor):
        tensor = tensor.detach()
        if tensor.is_complex() or tensor.is_neg():
            tensor = tensor.resolve_conj().resolve_neg()
        return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()

    def random(dtype, *shape):
        count = torch.empty(shape, dtype=torch.uint8).numel() * dtype.itemsize
        if dtype == torch.bool:
            return torch.randint(0, 2, shape).bool()
        data = torch.randint(0, 256, (count,), dtype=torch.uint8).numpy().tobytes()
        return torch.frombuffer(bytearray(data), dtype=dtype).reshape(shape) if count else torch.empty(shape, dtype=dtype)

    def save(obj, tensors, metadata={}, others=[], aliases={}, write=None, **options):
        '''Saves obj, and reports the tensors by name as PyTorch has them.'''
        if write is None:
            torch.save(obj, path, **options)
        else:
            write(path)
        report = []
        for name, tensor in tensors.items():
            shape = list(tensor.shape)
            kind = names[str(tensor.dtype).removeprefix("torch.")]
            if kind == "F4":
                shape[-1] *= 2
            report.append({"name": name, "dtype": kind, "shape": shape,
                           "sha256": hashlib.sha256(raw(tensor)).hexdigest(), "alias_of": aliases.get(name)})
        reports.append({"tensors": report, "metadata": metadata, "others": others})

    def rewrite(change, compression=zipfile.ZIP_STORED):
        '''Saves the archive again with each member's content changed.'''
        def write(obj):
            buffer = io.BytesIO()
            torch.save(obj, buffer)
            with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, "w", compression) as new:
                for name in old.namelist():
                    content = change(name, old.read(name))
                    if content is not None:
                        new.writestr(name, content)
        return write

    def finish():
        print(json.dumps(reports))

    """
}

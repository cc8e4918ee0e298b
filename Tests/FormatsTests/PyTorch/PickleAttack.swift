import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// A hostile file that Python makes in the test run, and the error that it must end in.
struct PickleAttack: Sendable, CustomTestStringConvertible {
  /// The number of the attack and what it tries.
  let sentence: String
  /// A Python expression for the bytes of the file; see `prelude`.
  let code: String
  let expected: WeightFileError.Code
  /// A part of the reason.
  let reason: String

  var testDescription: String { sentence }

  init(_ sentence: String, _ code: String, _ expected: WeightFileError.Code, _ reason: String) {
    self.sentence = sentence
    self.code = code
    self.expected = expected
    self.reason = reason
  }

  /// The files of all cases, made by one run of Python.
  static func make(_ codes: [String]) throws -> [Data] {
    try withTemporaryDirectory { directory in
      let lines = codes.enumerated().map { "open(f'{sys.argv[1]}/\($0)', 'wb').write(\($1))\n" }
      try python(prelude + lines.joined(), [directory.path])
      return try codes.indices.map { try Data(contentsOf: directory.appending(path: String($0))) }
    }
  }

  /// The error that opening the file, or else reading one of its tensors, ends in.
  static func error(of bytes: Data) throws -> WeightFileError? {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "weights.pt")
      try bytes.write(to: url)
      do {
        for element in try StateDict(contentsOf: url, format: .pytorch) { _ = try element.tensor.sha256() }
        return nil
      } catch let error as WeightFileError {
        #expect(error.file == url.path)
        #expect(error.format == "pytorch")
        return error
      }
    }
  }

  func check(_ bytes: Data) throws {
    let error = try #require(try Self.error(of: bytes))
    #expect(error.code == expected)
    #expect(error.reason.contains(reason), "\(error)")
    #expect(error.place != nil || error.tensor != nil || expected == .unsupported, "\(error)")
  }

  /// Builders of pickles, opcode by opcode, and of the files around them.
  private static let prelude = """
    import io, pickle, struct, sys, tarfile, zipfile
    P = b"\\x80\\x02"
    def s(text): return b"X" + struct.pack("<I", len(text.encode())) + text.encode()
    def i(n): return b"J" + struct.pack("<i", n) if -2**31 <= n < 2**31 else pickle.dumps(n, 2)[2:-1]
    def t(*parts): return b"(" + b"".join(parts) + b"t"
    def g(module, name): return f"c{module}\\n{name}\\n".encode()
    def od(): return g("collections", "OrderedDict") + b")R"
    def store(key="0", n=6, cls="FloatStorage", module="torch", tail=()):
        return t(s("storage"), g(module, cls), s(key), s("cpu"), i(n), *tail) + b"Q"
    def rebuild(*args, fn="_rebuild_tensor_v2"): return g("torch._utils", fn) + t(*args) + b"R"
    def tensor(storage=None, offset=0, size=(2, 3), stride=(3, 1), more=(), fn="_rebuild_tensor_v2"):
        return rebuild(storage or store(), i(offset), t(*map(i, size)), t(*map(i, stride)), b"\\x89", od(), *more, fn=fn)
    def d(**items): return b"}(" + b"".join(s(k) + v for k, v in items.items()) + b"u"
    def root(**items): return pt(P + d(**items) + b".")
    def pt(pkl, data=bytes(24), version=b"3\\n", more={}, folder="archive/", deflated=False):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as z:
            z.writestr(folder + "data.pkl", pkl)
            for name, content in {"data/0": data, "version": version, **more}.items():
                if content is not None: z.writestr(name[1:] if name[0] == '/' else folder + name, content)
        return out.getvalue()
    def op(body): return pt(P + body + b".")
    MAGIC = pickle.dumps(0x1950a86a20f9469cfc6c, 2)
    INFO = pickle.dumps({"little_endian": True}, 2)
    def legacy(obj=None, keys=["0"], storages=struct.pack("<q", 6) + bytes(24), magic=MAGIC, version=1001):
        obj = obj or P + d(w=tensor(store(tail=[b"N"]))) + b"."
        return magic + pickle.dumps(version, 2) + INFO + obj + pickle.dumps(keys, 2) + storages
    def laughs(levels):
        body = b"]q\\0" + b"0"
        for level in range(levels):
            body += b"](" + (b"h" + bytes([level])) * 10 + b"eq" + bytes([level + 1]) + b"0"
        return body + b"h" + bytes([levels])
    def tar(name):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:", format=tarfile.PAX_FORMAT) as f:
            info = tarfile.TarInfo(name); info.size = 3
            f.addfile(info, io.BytesIO(b"abc"))
        return out.getvalue()

    """
}

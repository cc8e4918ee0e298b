import Foundation
import TensorFerryHDF5
import TensorFerryTestSupport
import Testing

/// Writes here, reads with h5py.
@Suite struct RoundTripTests {
  /// An element type, and what numpy calls it after h5py has read it.
  struct Kind: CustomTestStringConvertible, Sendable {
    let type: HDF5ElementType
    let numpy: String

    var testDescription: String { numpy }

    static let all: [Kind] =
      [8, 16, 32, 64].flatMap { bits in
        [true, false].map { isSigned in
          Kind(type: .integer(bits: bits, isSigned: isSigned), numpy: (isSigned ? "i" : "u") + "\(bits / 8)")
        }
      } + [
        Kind(type: .float16, numpy: "f2"), Kind(type: .float32, numpy: "f4"), Kind(type: .float64, numpy: "f8"),
        Kind(type: .bool, numpy: "?"), Kind(type: .complex64, numpy: "c8"), Kind(type: .complex128, numpy: "c16"),
      ]
  }

  /// Bytes that are the same for every type; 0 and 1 for bool.
  private func bytes(_ type: HDF5ElementType, count: Int) -> [UInt8] {
    (0..<count * (type.byteCount ?? 0)).map {
      type == .bool ? UInt8($0 % 3 / 2) : UInt8(truncatingIfNeeded: $0 &* 37 + 5)
    }
  }

  private static let layouts: [HDF5DatasetOptions] = [
    HDF5DatasetOptions(), HDF5DatasetOptions(layout: .contiguousAllocatedEarly), HDF5DatasetOptions(layout: .compact),
    HDF5DatasetOptions(layout: .chunked([2, 4])),
    HDF5DatasetOptions(layout: .chunked([2, 4]), filters: [.shuffle, .deflate(level: 4), .fletcher32]),
  ]

  @Test("h5py reads every type in every layout and byte order with our type and bytes", arguments: Kind.all)
  func types(kind: Kind) throws {
    try withScratch { scratch in
      let path = scratch.path("types.h5")
      let data = bytes(kind.type, count: 15)
      try HDF5File.create(at: path) { file in
        for (number, options) in Self.layouts.enumerated() {
          for isBigEndian in [false, true] {
            let dataset = try file.createDataset(
              "\(number) \(isBigEndian)", kind.type, isBigEndian: isBigEndian, dimensions: [3, 5], options: options)
            try dataset.write(bytes: data)
          }
        }
      }
      let output = try scratch.h5py(
        path, [kind.numpy, data.hex],
        """
        f = h5py.File(path)
        print(len(f))
        for name, d in f.items():
            a = d[()]
            order = '>' if name.endswith('true') and a.itemsize > 1 else '<'
            want = np.dtype(args[0]).newbyteorder(order)
            same = a.astype(want.newbyteorder('<')).tobytes().hex() == args[1]
            if d.shape != (3, 5) or d.dtype != want or not same: print(name, d.shape, d.dtype, want, same)
        """)
      #expect(output == "10\n")
      try expectDumped(path)
    }
  }

  @Test("bfloat16 is read by h5py as float32 of the same values, infinities included")
  func bfloat16() throws {
    try withScratch { scratch in
      let path = scratch.path("bf16.h5")
      // 1, -2.5, infinity, the smallest and the largest number, -0.
      let patterns: [UInt16] = [0x3F80, 0xC020, 0x7F80, 0x0001, 0x7F7F, 0x8000]
      try HDF5File.create(at: path) { file in
        for isBigEndian in [false, true] {
          let dataset = try file.createDataset(
            "\(isBigEndian)", .bfloat16, isBigEndian: isBigEndian, dimensions: [2, 3])
          try dataset.write(bytes: patterns.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] })
        }
      }
      let output = try scratch.h5py(
        path, patterns.map { String($0) },
        """
        want = (np.array([int(a) for a in args], 'u4') << 16).view('f4').reshape(2, 3)
        for d in h5py.File(path).values(): print(d.dtype.itemsize, np.array_equal(d.astype('f4')[()], want))
        """)
      #expect(output.split(separator: "\n").allSatisfy { $0.hasSuffix("True") }, "\(output)")
      #expect(output.split(separator: "\n").count == 2)
      try expectDumped(path)
    }
  }

  @Test("scalars, empty arrays and null dataspaces are the same for h5py")
  func shapes() throws {
    try withScratch { scratch in
      let path = scratch.path("shapes.h5")
      try HDF5File.create(at: path) { file in
        try file.createDataset("scalar", .float64, dimensions: []).write([2.5])
        try file.createDataset("empty", .float32, dimensions: [0, 3]).write([Float]())
        try file.createDataset("null", .float32, dimensions: nil).write([Float]())
        try file.createDataset(
          "grows", .float32, dimensions: [0, 3],
          options: HDF5DatasetOptions(layout: .chunked([4, 3]), maximumDimensions: [nil, 3]))
      }
      let output = try scratch.h5py(
        path, [],
        "f = h5py.File(path); print(f['scalar'][()], f['empty'].shape, f['null'].shape, f['grows'].maxshape)")
      #expect(output == "2.5 (0, 3) None (None, 3)\n")
      try expectDumped(path)
    }
  }

  @Test("opaque bytes are written with their tag and unchanged")
  func opaque() throws {
    try withScratch { scratch in
      let path = scratch.path("opaque.h5")
      try HDF5File.create(at: path) { file in
        try file.createDataset("x", .opaque(size: 1, tag: "F8_E4M3"), dimensions: [4]).write(bytes: [
          0x7E, 0xFF, 0, 0x80,
        ])
      }
      let output = try scratch.h5py(
        path, [],
        """
        d = h5py.File(path)['x'].id
        bytes = np.empty(4, 'V1')
        d.read(h5py.h5s.ALL, h5py.h5s.ALL, bytes, d.get_type())
        print(d.get_type().get_tag().decode(), bytes.tobytes().hex())
        """)
      #expect(output == "F8_E4M3 7eff0080\n")
      try expectDumped(path)
    }
  }

  @Test("strings of variable and fixed length are the same for h5py")
  func strings() throws {
    try withScratch { scratch in
      let path = scratch.path("strings.h5")
      try HDF5File.create(at: path) { file in
        try file.createDataset("variable", .string(.variableUTF8), dimensions: [3]).write(["", "größer", "日本"])
        let fixed = HDF5StringType(fixedLength: 4, encoding: .ascii, padding: .spacePadded)
        try file.createDataset("fixed", .string(fixed), dimensions: [2]).write(bytes: Array("ab  cdef".utf8))
      }
      let output = try scratch.h5py(
        path, [], "f = h5py.File(path); print(list(f['variable'].asstr()[()]), f['fixed'][()].tolist())")
      #expect(output == "['', 'größer', '日本'] [b'ab', b'cdef']\n")
      let file = try HDF5File(opening: path)
      #expect(try file.dataset("variable").readStrings() == ["", "größer", "日本"])
      #expect(try file.dataset("fixed").readStrings() == ["ab", "cdef"])
      try expectDumped(path)
    }
  }

  @Test("chunks that were never written hold the fill value for h5py and for us", arguments: [false, true])
  func fill(isBigEndian: Bool) throws {
    try withScratch { scratch in
      let path = scratch.path("fill.h5")
      try HDF5File.create(at: path) { file in
        let options = HDF5DatasetOptions(layout: .chunked([2, 2]), fillValue: [0x00, 0x00, 0x20, 0x40])
        try file.createDataset("x", .float32, isBigEndian: isBigEndian, dimensions: [3, 5], options: options)
      }
      #expect(try scratch.h5py(path, [], "print(set(h5py.File(path)['x'][()].ravel().tolist()))") == "{2.5}\n")
      #expect(try HDF5File(opening: path).dataset("x").read(as: Float.self) == [Float](repeating: 2.5, count: 15))
    }
  }

  @Test("the same input gives the same bytes, whenever it is written", arguments: HDF5FileOptions.Version.allCases)
  func deterministic(version: HDF5FileOptions.Version) throws {
    try withScratch { scratch in
      let contents = try ["a.h5", "b.h5"].map { name in
        let path = scratch.path(name)
        let options = HDF5FileOptions(tracksCreationOrder: true, alignment: 64, oldestVersion: version)
        try HDF5File.create(at: path, options: options) { file in
          try file.setAttribute("format", .strings(["a text", "another, longer text"]))
          let group = try file.createGroup("g", tracksCreationOrder: true)
          try group.createDataset("x", .float32, dimensions: [3, 5]).write([Float](repeating: 1.5, count: 15))
          try group.setAttribute("n", .integers([1, 2, 3]))
          let chunked = HDF5DatasetOptions(
            layout: .chunked([2, 2]), filters: [.shuffle, .deflate(level: 6), .fletcher32])
          try group.createDataset("y", .float64, dimensions: [3, 5], options: chunked)
            .write((0..<15).map { Double($0) })
        }
        // Times in the file would differ now.
        Thread.sleep(forTimeInterval: 1.1)
        return try scratch.contents(path)
      }
      #expect(contents[0] == contents[1])
      #expect(contents[0].count > 1000)
    }
  }

  /// h5dump reads everything in the file and finds nothing wrong.
  private func expectDumped(_ path: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let dump = try run(URL(filePath: "/usr/bin/env"), ["h5dump", path])
    #expect(dump.status == 0 && dump.errors.isEmpty, "\(dump.errors)", sourceLocation: sourceLocation)
  }
}

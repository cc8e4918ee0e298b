import Foundation
import TensorFerryHDF5
import Testing

@Suite struct AttributeTests {
  struct Case {
    let python: String
    let dimensions: [UInt64]
    let value: HDF5AttributeValue
  }

  static let cases: [Case] = [
    Case(python: "'größer'", dimensions: [], value: .strings(["größer"])),
    Case(python: "b'bytes'", dimensions: [], value: .strings(["bytes"])),
    Case(python: "''", dimensions: [], value: .strings([""])),
    Case(python: "['a', '', 'ccc']", dimensions: [3], value: .strings(["a", "", "ccc"])),
    Case(python: "np.array([[b'ab', b'c', b'']])", dimensions: [1, 3], value: .strings(["ab", "c", ""])),
    Case(python: "7", dimensions: [], value: .integers([7])),
    Case(python: "np.array([[1, -2, 3]], '>i2')", dimensions: [1, 3], value: .integers([1, -2, 3])),
    Case(python: "np.int8(-128)", dimensions: [], value: .integers([-128])),
    Case(python: "np.uint64(2**64 - 1)", dimensions: [], value: .unsigned([.max])),
    Case(python: "np.array([1, 2**16 - 1], '>u2')", dimensions: [2], value: .unsigned([1, 65535])),
    Case(python: "2.5", dimensions: [], value: .floats([2.5])),
    Case(python: "np.float32(0.1)", dimensions: [], value: .floats([Double(Float(0.1))])),
    Case(
      python: "np.array([0.5, -65504, 6e-8, float('inf'), -0.0], 'f2')", dimensions: [5],
      value: .floats([0.5, -65504, 0x1p-24, .infinity, -0.0])),
    Case(python: "np.array([1e300, -1], '>f8')", dimensions: [2], value: .floats([1e300, -1])),
    Case(python: "np.bool_(True)", dimensions: [], value: .integers([1])),
    Case(python: "h5py.Empty('f4')", dimensions: [], value: .null),
    Case(python: "[]", dimensions: [0], value: .floats([])),
    Case(python: "np.complex64(1)", dimensions: [], value: .unsupported("complex64")),
    Case(python: "np.void(b'ab')", dimensions: [], value: .unsupported("2 opaque bytes tagged ''")),
    Case(python: "np.bytes_(b'\\xff')", dimensions: [], value: .unsupported("text that is not UTF-8")),
  ]

  @Test("attributes of h5py are read with shape and value, from file, group and dataset")
  func read() throws {
    try withScratch { scratch in
      let path = scratch.path("attributes.h5")
      try scratch.h5py(
        path, [],
        """
        f = h5py.File(path, 'w'); f['g/x'] = [1]
        values = [\(Self.cases.map(\.python).joined(separator: ", "))]
        for o in (f, f['g'], f['g/x']):
            for i, value in enumerate(values): o.attrs[chr(97 + i)] = value
        """)
      let expected = Self.cases.enumerated().map { index, test in
        HDF5Attribute(
          name: String(UnicodeScalar(97 + UInt8(index))), dimensions: test.dimensions, value: test.value)
      }
      let file = try HDF5File(opening: path)
      for (attribute, test) in zip(expected, Self.cases) {
        #expect(try file.attribute(attribute.name) == attribute, "\(test.python)")
      }
      #expect(try file.group("g").attributes() == expected)
      #expect(try file.dataset("g/x").attributes() == expected)
      let inventory = try HDF5Inventory(describing: path)
      #expect(inventory.attributes == expected)
      #expect(inventory.dataset("/g/x")?.attributes == expected)
    }
  }

  @Test("bfloat16 and null-terminated strings are read as values")
  func unusual() throws {
    try withScratch { scratch in
      let path = scratch.path("unusual.h5")
      try HDF5File.create(at: path) { file in
        try file.setAttribute(
          "bf16", bytes: [0x80, 0x3F, 0x20, 0xC0, 0x80, 0x7F, 1, 0], type: .bfloat16, dimensions: [4])
        try file.setAttribute(
          "text", bytes: Array("ab\0x".utf8), type: .string(HDF5StringType(fixedLength: 4)), dimensions: [])
      }
      let file = try HDF5File(opening: path)
      #expect(try file.attribute("bf16").value == .floats([1, -2.5, .infinity, 0x1p-133]))
      #expect(try file.attribute("text").value == .strings(["ab"]))
    }
  }

  @Test("h5py reads our attributes with type, shape and value")
  func write() throws {
    try withScratch { scratch in
      let path = scratch.path("written.h5")
      try HDF5File.create(at: path) { file in
        try file.setAttribute("text", .strings(["größer"]))
        try file.setAttribute("texts", .strings(["a", "", "ccc"]))
        try file.setAttribute("no texts", .strings([]))
        try file.setAttribute("integer", .integers([-7]))
        try file.setAttribute("matrix", .integers([1, 2, 3, 4, 5, 6]), dimensions: [2, 3])
        try file.setAttribute("unsigned", .unsigned([.max]))
        try file.setAttribute("float", .floats([0.1]))
        try file.setAttribute("one float", .floats([0.1]), dimensions: [1])
        try file.setAttribute("null", .null)
        try file.setAttribute("half", bytes: [0, 0x38], type: .float16, isBigEndian: true, dimensions: [])
        try file.createDataset("x", .float32, dimensions: [2]).setAttribute("ünit", .strings(["kg"]))
        try file.createGroup("g").setAttribute("n", .integers([1]))
      }
      let output = try scratch.h5py(
        path, [],
        """
        f = h5py.File(path)
        for name in 'text,texts,no texts,integer,matrix,unsigned,float,one float,null,half'.split(','):
            v = f.attrs[name]
            print(name, v.tolist() if hasattr(v, 'tolist') else v, f.attrs.get_id(name).dtype.str)
        print(dict(f['x'].attrs), dict(f['g'].attrs))
        """)
      #expect(
        output == """
          text größer |O
          texts ['a', '', 'ccc'] |O
          no texts [] |O
          integer -7 <i8
          matrix [[1, 2, 3], [4, 5, 6]] <i8
          unsigned 18446744073709551615 <u8
          float 0.1 <f8
          one float [0.1] <f8
          null Empty(dtype=dtype('<f8')) <f8
          half 0.5 >f2
          {'ünit': 'kg'} {'n': np.int64(1)}

          """)
    }
  }

  @Test("attributes come in the order of creation where it is kept, more than the header holds included")
  func order() throws {
    try withScratch { scratch in
      let path = scratch.path("order.h5")
      let names = (0..<40).map { "attribute \(39 - $0)" }
      try HDF5File.create(at: path, options: HDF5FileOptions(tracksCreationOrder: true)) { file in
        let options = HDF5DatasetOptions(tracksAttributeOrder: true)
        let dataset = try file.createDataset("x", .float32, dimensions: [2], options: options)
        for name in names {
          try file.setAttribute(name, .integers([1]))
          try dataset.setAttribute(name, .integers([1]))
        }
      }
      let inventory = try HDF5Inventory(describing: path)
      #expect(inventory.attributes.map(\.name) == names)
      #expect(inventory.dataset("/x")?.attributes.map(\.name) == names)
      #expect(try HDF5File(opening: path).attributes().map(\.name) == names)
    }
  }
}

import TensorFerryTensors
import Testing

@Suite struct TensorTests {
  @Test("bytes of another size than dtype and shape need are refused")
  func size() {
    #expect { try Tensor(dtype: .f32, shape: [3, 4], bytes: .init(repeating: 0, count: 47)) } throws: {
      ($0 as? TensorError)?.code == .sizeMismatch
    }
    #expect { try LazyTensor(dtype: .f32, shape: [3], content: .memory([0])) } throws: {
      ($0 as? TensorError)?.code == .sizeMismatch
    }
  }

  @Test("float16 and bfloat16 widen to float32")
  func widens() throws {
    #expect(try Tensor(dtype: .f16, shape: [2], bytes: [0x00, 0x3C, 0x00, 0xC1]).floats() == [1, -2.5])
    #expect(try Tensor(dtype: .bf16, shape: [2], bytes: [0x80, 0x3F, 0x20, 0xC0]).floats() == [1, -2.5])
  }

  @Test(
    "integers of every width and sign are read",
    arguments: [
      (DType.i8, [0xFE], Int64(-2)), (.u8, [0xFE], 254), (.i16, [0xFE, 0xFF], -2),
      (.u32, [0xFE, 0xFF, 0xFF, 0xFF], 4_294_967_294),
    ] as [(DType, [UInt8], Int64)])
  func integers(dtype: DType, bytes: [UInt8], value: Int64) throws {
    #expect(try Tensor(dtype: dtype, shape: .scalar, bytes: bytes).integers() == [value])
  }

  @Test("a cast that would lose something is refused", arguments: [DType.f64, .i32, .c64])
  func refusesCast(dtype: DType) throws {
    let tensor = try Tensor(dtype: dtype, shape: [0, 3], bytes: [])
    #expect { try tensor.floats() } throws: { ($0 as? TensorError)?.code == .unsupportedCast }
  }

  @Test("a lazy tensor gives the ranges that are asked for, and refuses those outside")
  func ranges() throws {
    let tensor = LazyTensor(try Tensor([1, 2, 3] as [Int64], shape: [3]))
    var pieces: [UInt8] = []
    try tensor.forEachPiece(upTo: 7) { offset, bytes in
      #expect(offset == pieces.count)
      pieces += bytes
    }
    #expect(pieces == (try tensor.read().bytes))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
    defer { buffer.deallocate() }
    for range in [17..<25, -1..<7, 0..<7] {
      #expect { try tensor.read(range, into: buffer) } throws: { ($0 as? TensorError)?.code == .outOfRange }
    }
  }
}

@Suite struct StateDictTests {
  private let zeros: LazyTensor

  init() throws { zeros = LazyTensor(try Tensor([0, 0, 0] as [Float], shape: [3])) }

  @Test("names keep their order and appear once")
  func order() throws {
    var state = StateDict()
    for name in ["z", "a", "m"] { try state.append(name, zeros) }
    #expect(state.names == ["z", "a", "m"])
    #expect { try state.append("a", zeros) } throws: { ($0 as? TensorError)?.code == .duplicateName }
  }

  @Test("names that share storage are grouped")
  func shared() throws {
    var state = StateDict()
    try state.append("embed.weight", zeros)
    try state.append("other", zeros)
    try state.append("head.weight", zeros, aliasOf: "embed.weight")
    #expect(state.sharedNames == [["embed.weight", "head.weight"]])
  }

  @Test("an alias of nothing, of an alias, or of another shape is refused")
  func badAlias() throws {
    var state = StateDict()
    try state.append("a", zeros)
    try state.append("b", zeros, aliasOf: "a")
    let other = LazyTensor(try Tensor([0, 0] as [Float], shape: [2]))
    for (tensor, owner) in [(zeros, "nothing"), (zeros, "b"), (other, "a")] {
      #expect { try state.append("c", tensor, aliasOf: owner) } throws: { ($0 as? TensorError)?.code == .badAlias }
    }
  }
}

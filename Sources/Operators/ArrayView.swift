public import TensorFerryTensors

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A shape and read-only elements, row-major, in memory that the view keeps alive.
///
/// Copying a view copies no elements.
public struct ArrayView<Scalar: BitwiseCopyable & Sendable> {
  public let shape: Shape
  private let base: UnsafePointer<Scalar>
  private let owner: AnyObject

  /// The elements; the pointer is valid as long as the view, or a copy of it, lives. The optimiser may end a life after
  /// its last use: whoever calls an operator keeps the operands alive until it returns.
  package var elements: UnsafeBufferPointer<Scalar> { UnsafeBufferPointer(start: base, count: shape.elementCount) }

  fileprivate init(shape: Shape, storage: ArrayStorage<Scalar>) {
    self.shape = shape
    base = UnsafePointer(storage.base)
    owner = storage
  }

  private init(shape: Shape, base: UnsafePointer<Scalar>, owner: AnyObject) {
    self.shape = shape
    self.base = base
    self.owner = owner
  }

  /// A view of a copy of `values`.
  ///
  /// - Precondition: `values` has as many elements as the shape.
  /// - Throws: ``OperatorError`` with code `.outOfMemory`.
  public init(_ values: [Scalar], shape: Shape) throws {
    precondition(values.count == shape.elementCount, "\(values.count) values do not make the shape \(shape)")
    let copy = try MutableArrayView<Scalar>(shape: shape)
    _ = copy.elements.update(fromContentsOf: values)
    self = copy.finished()
  }

  public var count: Int { shape.elementCount }

  /// The element at an offset in row-major order.
  public subscript(offset: Int) -> Scalar {
    precondition(offset >= 0 && offset < count, "offset \(offset) is outside of \(count) elements")
    return withExtendedLifetime(owner) { base[offset] }
  }

  /// A copy of the elements in row-major order.
  public var values: [Scalar] { withExtendedLifetime(owner) { Array(elements) } }

  /// The same elements under another shape of the same size.
  package func reshaped(_ shape: Shape) -> ArrayView {
    precondition(shape.elementCount == count, "\(self.shape) cannot be seen as \(shape)")
    return ArrayView(shape: shape, base: base, owner: owner)
  }

  /// Some of the elements, from an offset in row-major order on, under a shape of their own.
  func part(_ shape: Shape, from offset: Int) -> ArrayView {
    precondition(offset >= 0 && offset + shape.elementCount <= count)
    return ArrayView(shape: shape, base: base + offset, owner: owner)
  }
}

extension ArrayView<Float> {
  /// The elements of a tensor, where they are if they are float32 in a mapped file, at an address that is a multiple of
  /// 4; otherwise a copy, widened.
  ///
  /// - Throws: ``TensorError`` with code `.unsupportedCast` for a type that does not widen to float32, ``OperatorError``
  ///   with code `.outOfMemory`.
  init(_ tensor: Tensor) throws {
    if tensor.dtype == .f32, let mapped = tensor.mappedBytes, let base = mapped.pointer.baseAddress,
      Int(bitPattern: base) % MemoryLayout<Float>.alignment == 0
    {
      self.init(shape: tensor.shape, base: base.assumingMemoryBound(to: Float.self), owner: mapped.file)
    } else {
      try self.init(tensor.floats(), shape: tensor.shape)
    }
  }
}

// Safe because the elements are never written again once a view of them exists: the one `MutableArrayView` that could
// is consumed by making the view, and mapped files are mapped read-only.
extension ArrayView: @unchecked Sendable {}

/// A shape and elements that its one owner may write; an operator writes its result into one.
public struct MutableArrayView<Scalar: BitwiseCopyable & Sendable>: ~Copyable {
  public let shape: Shape
  private let storage: ArrayStorage<Scalar>
  private let base: UnsafeMutablePointer<Scalar>

  /// New memory, aligned to 64 bytes, every byte 0.
  ///
  /// - Throws: ``OperatorError`` with code `.outOfMemory` if the system does not give that much.
  public init(shape: Shape) throws {
    try self.init(shape: shape, storage: ArrayStorage(shape))
  }

  fileprivate init(shape: Shape, storage: ArrayStorage<Scalar>, offset: Int = 0) {
    self.shape = shape
    self.storage = storage
    base = storage.base + offset
  }

  /// Lets `body` write some of the elements, from an offset in row-major order on, under a shape of their own.
  mutating func withPart(_ shape: Shape, from offset: Int, _ body: (inout MutableArrayView) -> Void) {
    precondition(offset >= 0 && offset + shape.elementCount <= count)
    var part = MutableArrayView(shape: shape, storage: storage, offset: base - storage.base + offset)
    body(&part)
  }

  /// The elements; the pointer is valid as long as this value lives.
  package var elements: UnsafeMutableBufferPointer<Scalar> {
    UnsafeMutableBufferPointer(start: base, count: shape.elementCount)
  }

  public var count: Int { shape.elementCount }

  /// The element at an offset in row-major order.
  public subscript(offset: Int) -> Scalar {
    get {
      precondition(offset >= 0 && offset < count, "offset \(offset) is outside of \(count) elements")
      return withExtendedLifetime(storage) { base[offset] }
    }
    set {
      precondition(offset >= 0 && offset < count, "offset \(offset) is outside of \(count) elements")
      withExtendedLifetime(storage) { base[offset] = newValue }
    }
  }

  /// Ends the writing: the same memory, read-only from now on.
  public consuming func finished() -> ArrayView<Scalar> { ArrayView(shape: shape, storage: storage) }
}

/// Memory for the result of a stage that is written in every call; views of it are for the stages of that call alone.
struct ReusedArray {
  let view: ArrayView<Float>
  private let storage: ArrayStorage<Float>

  init(shape: Shape) throws {
    storage = try ArrayStorage(shape)
    view = ArrayView(shape: shape, storage: storage)
  }

  func write(_ body: (inout MutableArrayView<Float>) -> Void) {
    var array = MutableArrayView(shape: view.shape, storage: storage)
    body(&array)
  }
}

private final class ArrayStorage<Scalar: BitwiseCopyable> {
  let base: UnsafeMutablePointer<Scalar>

  init(_ shape: Shape) throws {
    let (byteCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: MemoryLayout<Scalar>.stride)
    var memory: UnsafeMutableRawPointer?
    guard !overflow, posix_memalign(&memory, 64, max(byteCount, 64)) == 0, let memory else {
      throw OperatorError(
        .outOfMemory, "a result of shape \(shape) needs \(shape.elementCount) elements, the memory does not suffice")
    }
    memset(memory, 0, byteCount)
    base = memory.bindMemory(to: Scalar.self, capacity: shape.elementCount)
  }

  deinit { free(base) }
}

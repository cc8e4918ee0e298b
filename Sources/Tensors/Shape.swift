/// The dimensions of a tensor, outermost first, whose product is known not to overflow.
///
/// `[]` is a scalar with one element; a dimension of 0 makes an empty tensor.
public struct Shape: Hashable, Sendable, CustomStringConvertible {
  public let dimensions: [Int]
  /// The product of all dimensions; 1 for a scalar.
  public let elementCount: Int

  /// - Throws: ``TensorError`` with code `.negativeDimension` or `.sizeOverflow`. The product is refused when it
  ///   overflows even if another dimension is 0, as safetensors does.
  public init(_ dimensions: [Int]) throws {
    var product = 1
    var overflowed = false
    for dimension in dimensions {
      guard dimension >= 0 else {
        throw TensorError(.negativeDimension, "dimension \(dimension) in shape \(dimensions) is negative")
      }
      let (next, overflow) = product.multipliedReportingOverflow(by: max(dimension, 1))
      overflowed = overflowed || overflow
      product = next
    }
    guard !overflowed else {
      throw TensorError(.sizeOverflow, "the product of shape \(dimensions) exceeds 2^63 - 1")
    }
    self.dimensions = dimensions
    elementCount = dimensions.contains(0) ? 0 : product
  }

  /// The shape of a scalar.
  public static let scalar = Shape()

  private init() {
    dimensions = []
    elementCount = 1
  }

  public var rank: Int { dimensions.count }

  public subscript(axis: Int) -> Int { dimensions[axis] }

  /// The same dimensions in reverse order: the shape of the transposed tensor.
  public var reversed: Shape { (try? Shape(dimensions.reversed())) ?? self }

  /// The dimensions other than 1, in order: shapes that agree here hold the same elements in the same order.
  public var squeezed: [Int] { dimensions.filter { $0 != 1 } }

  /// As Python prints a list: `[3, 4]`.
  public var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }
}

extension Shape: ExpressibleByArrayLiteral {
  /// A shape from a literal in source code.
  ///
  /// - Precondition: no dimension is negative and the product fits in `Int`; use ``init(_:)`` for numbers from a file.
  public init(arrayLiteral elements: Int...) {
    do {
      try self.init(elements)
    } catch {
      preconditionFailure("\(error)")
    }
  }
}

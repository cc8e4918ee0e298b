public import TensorFerryTensors

/// One kind of stage: its shape rule, its forward pass, its oracle, and the bound on what rounding can explain.
///
/// Operators are values: what they need beside their operands are public attributes. They write into memory that they
/// are given.
public protocol Operator: Sendable {
  /// The name in reports and files, for example `linear`.
  static var id: String { get }

  /// The shape of the result.
  ///
  /// - Throws: ``OperatorError``.
  func outputShape(_ operands: [Shape]) throws -> Shape

  /// The deployed pass, in float32.
  ///
  /// - Precondition: `output` has the shape that ``outputShape(_:)`` gives for the operands.
  func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace)

  /// The oracle, in Double: plain loops, no BLAS, no code shared with the products of the deployed pass.
  func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>)

  /// For each element of the result, the largest difference between the oracle and a side that rounds as `rounding`
  /// says, when both start from the same operands.
  ///
  /// The oracle's own error is added, and the bound is rounded outwards. Where it is not finite nothing is proven.
  ///
  /// - Parameter output: what the oracle computed from the operands.
  func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>)

  /// For each element of the result, the standard deviation of the difference between the oracle and a side that rounds
  /// as `rounding` says, in a model in which roundings are random: what is usual, where ``bound(_:output:_:into:)`` is
  /// what is possible. 0 where nothing is rounded.
  ///
  /// - Parameter output: what the oracle computed from the operands.
  /// - Returns: nil if the operator does not know.
  func deviation(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>?

  /// Like ``bound(_:output:_:into:)`` where a side starts from operands that are themselves off: for each element of
  /// the result, the largest difference from the oracle.
  ///
  /// - Parameter errors: for each operand how far its elements may be off, or nil if they are not.
  /// - Returns: nil if the operator does not tell.
  func boundOfAll(
    _ operands: [ArrayView<Double>], errors: [ArrayView<Double>?], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>?

  /// Whether each element of the result, along the first axis, depends on nothing but the same element of the operands
  /// that have as many there: samples may then be computed some at a time.
  var keepsSamplesApart: Bool { get }

  /// How many products of two numbers a pass takes.
  func multiplications(_ operands: [Shape], output: Shape) -> Int

  /// The axis of the first operand along which a change by one number leaves the result as it is, or nil.
  func cancellingAxis(_ shapes: [Shape]) -> Int?

  /// What a difference in operands makes of the result; nil stands for no difference. Exact arithmetic is meant.
  ///
  /// - Parameter shapes: of the operands.
  func shift(_ operands: [Shift?], _ shapes: [Shape], output: Shape) -> Shift?

  /// Which elements of a parameter the stage takes, as offsets in row-major order.
  func elements(of operand: Int, _ shapes: [Shape]) -> Range<Int>

  /// Lowers each element of `changes` to the size from which on a change of that element of a parameter cannot be
  /// explained by rounding; see ``Rounding/visibleChange(bound:effect:slope:)``.
  ///
  /// - Parameters:
  ///   - operand: the index of the parameter.
  ///   - bound: what ``bound(_:output:_:into:)`` gives for the operands.
  ///   - changes: of the parameter's shape; infinite where nothing is known yet.
  /// - Returns: false if the operator is not linear in this operand, or does not know; `changes` is as it was then.
  func lowerVisibleChange(
    of operand: Int, _ operands: [ArrayView<Double>], bound: ArrayView<Double>, _ rounding: Rounding,
    in changes: inout MutableArrayView<Double>
  ) -> Bool
}

extension Operator {
  public var keepsSamplesApart: Bool { false }

  /// One for each element of the result.
  public func multiplications(_ operands: [Shape], output: Shape) -> Int { output.elementCount }

  func checkCount(_ operands: [Shape], _ allowed: ClosedRange<Int>) throws {
    guard allowed.contains(operands.count) else {
      let expected = allowed.count == 1 ? "\(allowed.lowerBound)" : "\(allowed.lowerBound) to \(allowed.upperBound)"
      throw OperatorError(.operandCount, "\(Self.id) takes \(expected) operands, there are \(operands.count)")
    }
  }

  func checkRank(_ name: String, _ shape: Shape, _ rank: Int) throws {
    guard shape.rank == rank else {
      throw OperatorError(.rank, "\(Self.id) takes \(name) of \(rank) dimensions, its shape is \(shape)")
    }
  }

  /// - Throws: ``OperatorError`` with code `.dimensionLimit` if BLAS, which counts in 32 bits, cannot take a dimension.
  func checkLimit(_ dimensions: Int...) throws {
    if let large = dimensions.first(where: { $0 > Int(Int32.max) }) {
      throw OperatorError(
        .dimensionLimit, "\(Self.id) takes matrices of at most \(Int32.max) rows and columns, here are \(large)")
    }
  }
}

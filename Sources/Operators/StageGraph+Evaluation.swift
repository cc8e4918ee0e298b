package import TensorFerryTensors

extension StageGraph {
  /// The shapes of all stages for inputs of these shapes.
  ///
  /// - Throws: ``ModelError`` for an input that is missing or has another number of dimensions, ``OperatorError`` with
  ///   the stage's name for shapes that do not fit.
  package func shapes(inputs given: [String: Shape]) throws -> [ValueName: Shape] {
    var shapes: [ValueName: Shape] = [:]
    for parameter in parameters { shapes[.parameter(parameter.name)] = parameter.shape }
    var sizes: [String: Int] = [:]
    for input in inputs {
      guard let shape = given[input.name] else { continue }
      let extended = try input.shape(of: shape)
      shapes[.input(input.name)] = extended
      sizes.merge(zip(input.dimensions, extended.dimensions)) { first, _ in first }
    }
    for input in inputs where given[input.name] == nil {
      let dimensions = input.dimensions.compactMap { sizes[$0] }
      guard input.mayBeAbsent, dimensions.count == input.dimensions.count else {
        throw ModelError(.missingInput, "input '\(input.name)' is not given", name: input.name)
      }
      shapes[.input(input.name)] = try Shape(dimensions)
    }
    for stage in stages {
      // The initialiser has made sure that every operand comes before its stage.
      shapes[.stage(stage.name)] = try stage.outputShape(stage.operands.map { shapes[$0]! })
    }
    return shapes
  }

  /// The inputs as the stages see them; all are checked before anything is computed.
  ///
  /// - Throws: ``ModelError`` for inputs that are missing, unexpected, of another type or number of dimensions,
  ///   ``OperatorError`` for sizes that do not fit.
  package func values(of inputs: [String: Tensor]) throws -> [ValueName: ArrayView<Float>] {
    let expected = Set(self.inputs.map(\.name))
    let unexpected = inputs.keys.filter { !expected.contains($0) }.sorted()
    var problems = unexpected.map { name in
      ModelError.Problem(code: .unexpectedInput, name: name, reason: "the model has no input '\(name)'")
    }
    for input in self.inputs {
      if let tensor = inputs[input.name] {
        if !input.accepts(tensor.dtype) {
          let reason = "input '\(input.name)' is \(tensor.dtype.rawValue), the model takes \(input.acceptedTypes)"
          problems.append(.init(code: .inputType, name: input.name, reason: reason))
        }
      } else if !input.mayBeAbsent {
        problems.append(.init(code: .missingInput, name: input.name, reason: "input '\(input.name)' is not given"))
      }
    }
    guard problems.isEmpty else { throw ModelError(problems) }
    let shapes = try shapes(inputs: inputs.mapValues(\.shape))
    var values: [ValueName: ArrayView<Float>] = [:]
    for input in self.inputs {
      values[.input(input.name)] = try input.view(of: inputs[input.name], shape: shapes[.input(input.name)]!)
    }
    return values
  }

  /// Runs all stages on tensors, as ``values(of:)`` takes them, and returns what each computed.
  package func run(
    _ inputs: [String: Tensor], _ parameters: [String: ArrayView<Float>]
  ) throws -> [ValueName: ArrayView<Float>] {
    try evaluate(values(of: inputs).merging(parameters.map { (.parameter($0.key), $0.value) }) { $1 })
  }

  /// Runs all stages in order and returns what each computed.
  ///
  /// - Parameter values: the inputs, in the shapes that the stages see, and the parameters.
  /// - Throws: ``OperatorError`` with the stage's name.
  package func evaluate<Scalar: StageScalar>(
    _ values: [ValueName: ArrayView<Scalar>]
  ) throws -> [ValueName: ArrayView<Scalar>] {
    var values = values
    var workspace = Workspace()
    for stage in stages {
      values[.stage(stage.name)] = try stage.evaluate(stage.operands.map { values[$0]! }, &workspace)
    }
    return values
  }
}

extension Stage {
  package func outputShape(_ operands: [Shape]) throws -> Shape {
    do {
      return try operation.outputShape(operands)
    } catch let error as OperatorError {
      throw error.inStage(name)
    }
  }

  /// Runs the stage on its operands, into new memory.
  package func evaluate<Scalar: StageScalar>(
    _ operands: [ArrayView<Scalar>], _ workspace: inout Workspace
  ) throws -> ArrayView<Scalar> {
    var output = try MutableArrayView<Scalar>(shape: outputShape(operands.map(\.shape)))
    withExtendedLifetime(operands) { Scalar.forward(operation, operands, into: &output, &workspace) }
    return output.finished()
  }

  /// What rounding can explain of the difference between the oracle's `output` and a side that rounds as `rounding`
  /// says.
  package func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double> {
    var bound = try MutableArrayView<Double>(shape: output.shape)
    withExtendedLifetime((operands, output)) {
      operation.bound(operands, output: output, rounding, into: &bound)
    }
    return bound.finished()
  }
}

/// The two kinds of numbers that stages run in: `Float` is deployed, `Double` is the oracle.
package protocol StageScalar: BinaryFloatingPoint, BitwiseCopyable, Sendable {
  static func forward(
    _ operation: any Operator, _ operands: [ArrayView<Self>], into output: inout MutableArrayView<Self>,
    _ workspace: inout Workspace)
}

extension Float: StageScalar {
  package static func forward(
    _ operation: any Operator, _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>,
    _ workspace: inout Workspace
  ) {
    operation.forward(operands, into: &output, &workspace)
  }
}

extension Double: StageScalar {
  package static func forward(
    _ operation: any Operator, _ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>,
    _ workspace: inout Workspace
  ) {
    operation.forward(operands, into: &output)
  }
}

extension ArrayView<Float> {
  /// The same numbers in Double; exact.
  package func widened() throws -> ArrayView<Double> {
    let wide = try MutableArrayView<Double>(shape: shape)
    let (values, result) = (elements, wide.elements)
    withExtendedLifetime(self) {
      for index in values.indices { result[index] = Double(values[index]) }
    }
    return wide.finished()
  }
}

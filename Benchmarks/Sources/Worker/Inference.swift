internal import CBenchmarkBLAS
internal import CReading
internal import Dispatch
internal import TensorFerry

/// The classifier of the article on random weights and inputs: batch, positions, features, hidden size, classes,
/// threads.
private struct Problem {
  let batch: Int
  let positions: Int
  let features: Int
  let hidden: Int
  let classes: Int
  let threads: Int

  init(_ arguments: Arguments) throws {
    batch = try arguments.size(0)
    positions = try arguments.size(1)
    features = try arguments.size(2)
    hidden = try arguments.size(3)
    classes = try arguments.size(4)
    threads = try arguments.size(5)
  }

  var x: ArrayView<Float> { get throws { try random([batch, positions, features], scale: 1) } }

  var model: AttentionClassifier {
    get throws {
      let configuration = try AttentionClassifier.Configuration(
        inputSize: features, hiddenSize: hidden, classCount: classes)
      var parameters: [String: Tensor] = [:]
      for spec in try AttentionClassifier.parameters(of: configuration) {
        let scale = 1 / Float(spec.shape.dimensions.last ?? 1).squareRoot()
        parameters[spec.name] = try Tensor(random(spec.shape.dimensions, scale: scale).values, shape: spec.shape)
      }
      return try AttentionClassifier(configuration: configuration, parameters: parameters)
    }
  }
}

/// Numbers between -scale and scale: the same in every run.
private func random(_ dimensions: [Int], scale: Float) throws -> ArrayView<Float> {
  let shape = try Shape(dimensions)
  var array = try MutableArrayView<Float>(shape: shape)
  var state: UInt64 = 0x9E37_79B9_7F4A_7C15
  for index in 0..<shape.elementCount {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    array[index] = Float(Int32(truncatingIfNeeded: state >> 32)) * (scale / 2_147_483_648)
  }
  return array.finished()
}

/// Parts of one piece of memory for several threads; every value is read once.
func readInput(_ arguments: Arguments) throws -> () throws -> Void {
  let problem = try Problem(arguments)
  let values = try problem.x.values
  let threads = problem.threads
  let sum = UnsafeMutablePointer<Float>.allocate(capacity: threads)
  return {
    values.withUnsafeBufferPointer { values in
      // Safe because each part writes a sum of its own and the values are only read.
      nonisolated(unsafe) let (base, sum) = (values.baseAddress!, sum)
      let count = values.count
      guard threads > 1 else { return sum[0] = benchmark_read(base, count) }
      DispatchQueue.concurrentPerform(iterations: threads) { part in
        let (first, end) = (count * part / threads, count * (part + 1) / threads)
        sum[part] = benchmark_read(base + first, end - first)
      }
    }
  }
}

/// The operator of the folded graph alone.
func poolInput(_ arguments: Arguments) throws -> () throws -> Void {
  let problem = try Problem(arguments)
  let pooling = try Pooling(problem)
  return { pooling.run() }
}

private final class Pooling {
  private let operands: [ArrayView<Float>]
  private var output: MutableArrayView<Float>
  private var workspace: Workspace

  init(_ problem: Problem) throws {
    operands = [try problem.x, try random([1, problem.features], scale: 0.1)]
    output = try MutableArrayView(shape: Shape([problem.batch, problem.features]))
    workspace = Workspace(threads: problem.threads)
  }

  func run() { AttentionPooling().forward(operands, into: &output, &workspace) }
}

/// The classifier's product alone: `[batch, features] x [features, classes]`.
func multiply(_ arguments: Arguments) throws -> () throws -> Void {
  let problem = try Problem(arguments)
  let left = try random([problem.batch, problem.features], scale: 1).values
  let right = try random([problem.classes, problem.features], scale: 1).values
  let result = UnsafeMutablePointer<Float>.allocate(capacity: problem.batch * problem.classes)
  let (m, n, k) = (Int32(problem.batch), Int32(problem.classes), Int32(problem.features))
  return {
    if m == 1 {
      cblas_sgemv(CblasRowMajor, CblasNoTrans, n, k, 1, right, k, left, 1, 0, result, 1)
    } else {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, left, k, right, k, 0, result, n)
    }
  }
}

/// The model as one pass over its input.
func runFolded(_ arguments: Arguments) throws -> () throws -> Void {
  let problem = try Problem(arguments)
  let x = try problem.x
  let runner = try Runner(problem.model.folded(positions: problem.positions).engine(threads: problem.threads), x)
  return { try runner.run() }
}

/// The model stage by stage, as PyTorch runs it.
func runFaithful(_ arguments: Arguments) throws -> () throws -> Void {
  let problem = try Problem(arguments)
  let runner = try Runner(problem.model.engine(threads: problem.threads), problem.x)
  return { try runner.run() }
}

private final class Runner {
  private var engine: Engine
  private let x: ArrayView<Float>
  private var output: MutableArrayView<Float>

  init(_ engine: consuming Engine, _ x: ArrayView<Float>) throws {
    self.x = x
    output = try MutableArrayView(shape: engine.prepare([x.shape]))
    self.engine = engine
  }

  func run() throws { try engine.run([x], into: &output) }
}

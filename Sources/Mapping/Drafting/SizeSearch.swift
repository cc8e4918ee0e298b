internal import TensorFerryTensors

/// Finds the sizes of a model from the shapes of tensors whose names tell nothing.
///
/// Every parameter takes the shape of another tensor, as it stands or transposed; sizes are what makes that possible
/// for all of them.
struct SizeSearch {
  private let patterns: [ParameterPattern]
  private var counts: [[Int]: Int] = [:]
  private var solutions: Set<[String: Int]> = []
  private var steps = 0

  /// More are not looked for: two are as undecided as ten.
  private static let solutionLimit = 2
  private static let stepLimit = 200_000

  /// - Returns: the sizes, or nil if there are none or more than one set of them, or if the search is too long.
  static func sizes(of patterns: [ParameterPattern], in shapes: [Shape]) -> [String: Int]? {
    var search = SizeSearch(patterns: patterns, shapes: shapes)
    search.solve(0, [:])
    return search.solutions.count == 1 && search.steps <= Self.stepLimit ? search.solutions.first : nil
  }

  private init(patterns: [ParameterPattern], shapes: [Shape]) {
    // Those with the most dimensions decide the most.
    self.patterns = patterns.sorted { $0.dimensions.count > $1.dimensions.count }
    for shape in shapes { counts[shape.dimensions.sorted(), default: 0] += 1 }
  }

  private mutating func solve(_ index: Int, _ sizes: [String: Int]) {
    steps += 1
    guard solutions.count < Self.solutionLimit, steps <= Self.stepLimit else { return }
    guard index < patterns.count else {
      solutions.insert(sizes)
      return
    }
    let pattern = patterns[index]
    for (dimensions, count) in counts where count > 0 && dimensions.count == pattern.dimensions.count {
      for order in dimensions.count == 2 ? [dimensions, dimensions.reversed()] : [dimensions] {
        guard pattern.accepts(order, in: sizes) else { continue }
        var extended = sizes
        for case (.size(let name), let value) in zip(pattern.dimensions, order) { extended[name] = value }
        counts[dimensions] = count - 1
        solve(index + 1, extended)
        counts[dimensions] = count
        if dimensions.first == dimensions.last { break }
      }
    }
  }
}

extension [ParameterPattern] {
  /// The parameters with their shapes, if all their sizes are fixed, or if the shapes of the tensors at hand, whatever
  /// they are called, leave one way to fill them in; else nil.
  public func outlines(fitting sources: [TensorOutline]) -> [TensorOutline]? {
    let sizes = SizeSearch.sizes(of: self, in: sources.map(\.shape)) ?? [:]
    let outlines = compactMap { pattern in
      pattern.shape(in: sizes).map { TensorOutline(name: pattern.name, shape: $0, dtype: pattern.preferredType) }
    }
    return outlines.count == count ? outlines : nil
  }
}

extension ParameterPattern {
  fileprivate var preferredType: DType { dtypes.contains(.f32) ? .f32 : dtypes.first ?? .f32 }
}

/// Which way round a file stores its matrices, as those tell that are not square.
///
/// Evidence counts for matrices of the same scope, the same leaf word and the same rank only: GPT-2 stores the blocks
/// as `[in, out]` and its classifier as `[out, in]`, both under the name `weight`.
struct LayoutEvidence {
  struct Family: Hashable {
    let leafWord: String
    let rank: Int
  }

  /// The orientations that were seen, with the title of a module that shows it.
  private var seen: [Family: [ShapeFit.Orientation: String]] = [:]
  let isInBlocks: Bool

  init(isInBlocks: Bool) { self.isInBlocks = isInBlocks }

  mutating func add(_ fits: [ShapeFit], of module: String, _ family: Family) {
    let orientations = Set(fits.map(\.orientation))
    guard orientations.count == 1, let orientation = orientations.first ?? nil else { return }
    seen[family, default: [:]][orientation] = module
  }

  /// The way to take if the shape allows several, and why; nil if nothing tells.
  func choose(_ fits: [ShapeFit], _ family: Family) -> (fit: ShapeFit, reason: String?, factor: Double)? {
    guard fits.count > 1 else { return fits.first.map { ($0, nil, 1) } }
    let orientations = seen[family] ?? [:]
    guard orientations.count <= 1 else { return nil }
    // `kernel` is [in, out] by the convention of those who call it so, unless what is seen contradicts it.
    let isKernel = family.leafWord == "kernel"
    if let (orientation, module) = orientations.first {
      // Outside of blocks neighbours are of different making: a lone square stays a question.
      guard isInBlocks || (isKernel && orientation == .inputFirst) else { return nil }
      guard !isKernel || orientation == .inputFirst else { return nil }
      let matching = fits.filter { $0.orientation == orientation }
      guard matching.count == 1 else { return nil }
      let reason = "square, taken as \(orientation.rawValue) like '\(module)', which is not square"
      return (matching[0], reason, 0.95)
    }
    guard isKernel else { return nil }
    let matching = fits.filter { $0.orientation == .inputFirst }
    guard matching.count == 1 else { return nil }
    return (matching[0], "square, taken as [in, out] because it is called a kernel", 0.85)
  }
}

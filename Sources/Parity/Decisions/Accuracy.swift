/// How often each side chooses the class that is said to be right.
public struct Accuracy: Hashable, Sendable {
  /// How many samples have a label.
  public internal(set) var labels = 0
  /// For how many of them the reference chooses the label.
  public internal(set) var reference = 0
  /// For how many this engine does.
  public internal(set) var ours = 0
  /// For how many the two sides choose other classes.
  public internal(set) var disagreeing = 0
  /// For how many both sides certainly choose the label: what ``Decisions`` counts as equal or exact.
  public internal(set) var certified = 0
  /// For how many both sides certainly choose another class.
  public internal(set) var certifiedWrong = 0

  init() {}

  mutating func add(label: Int64, _ sample: SampleLogits, certified: Int?) {
    let (reference, ours) = (Self.argmax(sample.reference), Self.argmax(sample.ours))
    labels += 1
    if reference == label { self.reference += 1 }
    if ours == label { self.ours += 1 }
    if reference != ours { disagreeing += 1 }
    guard let certified else { return }
    if Int64(certified) == label { self.certified += 1 } else { certifiedWrong += 1 }
  }

  /// As `torch.argmax` has it, and `predict`: NaN counts as the largest.
  private static func argmax(_ logits: ArraySlice<Float>) -> Int64 {
    if let undefined = logits.firstIndex(where: \.isNaN) { return Int64(undefined - logits.startIndex) }
    let largest = logits.indices.reduce(logits.startIndex) { logits[$1] > logits[$0] ? $1 : $0 }
    return Int64(largest - logits.startIndex)
  }
}

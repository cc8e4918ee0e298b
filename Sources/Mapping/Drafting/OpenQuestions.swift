internal import TensorFerryTensors

/// Turns every target that no step makes into a question with the sources that fit it.
struct OpenQuestions {
  let targets: [TensorOutline]
  let parameters: [TensorOutline]
  let targetScopes: [DraftScope]
  let sourceScopes: [DraftScope]
  let layout: ParameterLayout?

  static let maximumCandidates = 8
  /// How many sources of one size are looked at for a question.
  static let maximumComparisons = 1024

  /// Where a tensor is: its module, and the block it is in.
  private struct Home {
    let module: DraftModule
    let block: Int
    let isInStack: Bool
  }

  /// Adds questions for what is in no step and no question yet; drops those that a step has answered.
  func completed(_ open: [OpenChoice], steps: [DraftStep]) -> [OpenChoice] {
    let made = Set(steps.flatMap(\.targets))
    let taken = Set(steps.flatMap(\.sources))
    var asked: Set<String> = made
    var questions: [OpenChoice] = []
    for question in open where asked.insert(question.target).inserted { questions.append(question) }
    let homes = Self.homes(sourceScopes)
    let targetHomes = Self.homes(targetScopes)
    let bySize = Dictionary(grouping: parameters.filter { !taken.contains($0.name) }, by: \.shape.elementCount)
    for target in targets where asked.insert(target.name).inserted {
      let home = targetHomes[target.name]
      var candidates = joined(target, home, taken)
      for source in (bySize[target.shape.elementCount] ?? []).prefix(Self.maximumComparisons) {
        candidates += self.candidates(source, homes[source.name], target, home)
      }
      // Stable: of equals the one that comes first in the file is shown first.
      let best = candidates.enumerated().sorted {
        ($1.element.confidence, $0.offset) < ($0.element.confidence, $1.offset)
      }.prefix(Self.maximumCandidates).map(\.element)
      questions.append(
        OpenChoice(target: target.name, candidates: best, question: question(target, candidates.count)))
    }
    return questions
  }

  private func question(_ target: TensorOutline, _ count: Int) -> String {
    switch count {
    case 0: "no tensor that is left fits '\(target.name)' \(target.shape): where does it come from?"
    case 1: "one tensor fits '\(target.name)' \(target.shape), but its name does not say so: is it the one?"
    default: "\(count) ways to make '\(target.name)' \(target.shape) fit: which is right?"
    }
  }

  private func candidates(
    _ source: TensorOutline, _ home: Home?, _ target: TensorOutline, _ targetHome: Home?
  ) -> [OpenChoice.Candidate] {
    guard source.dtype.canBecome(target.dtype) else { return [] }
    var similarity = 0.0
    var reason = "the shape fits"
    if let home, let targetHome {
      // Blocks of equal number belong together, whatever stands in them.
      if home.isInStack, targetHome.isInStack, home.block != targetHome.block { return [] }
      if let role = home.module.role, let wanted = targetHome.module.role, role != wanted {
        guard role == .unorderedQueryKeyValue, wanted == .fusedQueryKeyValue else { return [] }
        reason = "\(role.rawValue), if it is the target's"
      }
      similarity = NameSimilarity.between(home.module, targetHome.module)
    }
    let fits = ShapeFit.all(source.shape, to: target.shape, role: targetHome?.module.role, layout: layout)
    return fits.map { fit in
      let way = fit.orientation.map { ", stored as \($0.rawValue)" } ?? ""
      return OpenChoice.Candidate(
        sources: [source.name], transforms: fit.transforms, reason: reason + way,
        confidence: (0.2 + 0.3 * similarity) / Double(fits.count) * (fit.isReshaped ? 0.5 : 1))
    }
  }

  /// Query, key and value beside each other for a target that holds all three, both ways round if they are square.
  private func joined(_ target: TensorOutline, _ home: Home?, _ taken: Set<String>) -> [OpenChoice.Candidate] {
    guard let home, home.module.role == .fusedQueryKeyValue, target.shape.rank > 0, target.shape[0] % 3 == 0,
      let piece = try? Shape([target.shape[0] / 3] + target.shape.dimensions.dropFirst()),
      let leaf = home.module.members.first(where: { $0.value.names.contains(target.name) })?.key
    else { return [] }
    return sourceScopes.flatMap { scope -> [OpenChoice.Candidate] in
      let parts = [ModuleRole.query, .key, .value].compactMap { role in
        scope.modules.first { $0.role == role }?.members[leaf]
      }
      guard parts.count == 3, parts.allSatisfy({ $0.names.indices.contains(home.block) }),
        Set(parts.map(\.shape)).count == 1
      else { return [] }
      let names = parts.map { $0.names[home.block] }
      guard !names.contains(where: taken.contains) else { return [] }
      let fits = ShapeFit.all(parts[0].shape, to: piece, role: .query, layout: layout)
      return fits.map { fit in
        let way = fit.orientation.map { ", stored as \($0.rawValue)" } ?? ""
        return OpenChoice.Candidate(
          sources: names, transforms: fit.transforms + [.concatenate(axis: 0)],
          reason: "query, key and value by their names" + way, confidence: 0.6 / Double(fits.count))
      }
    }
  }

  private static func homes(_ scopes: [DraftScope]) -> [String: Home] {
    var homes: [String: Home] = [:]
    for scope in scopes {
      for module in scope.modules {
        for member in module.members.values {
          for (block, name) in member.names.enumerated() {
            homes[name] = Home(module: module, block: block, isInStack: scope.indices != nil)
          }
        }
      }
    }
    return homes
  }
}

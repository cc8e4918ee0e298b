internal import ArgumentParser
internal import TensorFerry

/// A weight file, and where the state dict is in it.
struct WeightsOptions: ParsableArguments {
  @Option(
    help: "Where the state dict is inside a checkpoint, for example 'model' or 'ema'; found by itself if only one fits."
  )
  var key: String?

  @OptionGroup var input: InputOptions

  /// Opens the file and maps it to the model, reading no tensor yet.
  func plan(_ path: String) throws -> (state: StateDict, plan: MappingPlan) {
    let state = try input.open(path)
    let plan = AttentionClassifier.plan(importing: state, key: key)
    return (state, plan)
  }

  /// Opens the file, maps it to the model and reads its tensors: all of them or none.
  func model(_ path: String) throws -> AttentionClassifier {
    let (state, plan) = try plan(path)
    return try AttentionClassifier(plan, state)
  }
}

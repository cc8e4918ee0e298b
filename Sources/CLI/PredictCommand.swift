internal import ArgumentParser
internal import TensorFerry

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Runs the model on features and writes logits, classes and attention weights.",
    discussion: """
      Features are float32 of shape [samples, size] or [samples, positions, size], in an .h5 or .npy file.

      EXAMPLES
        tensorferry predict model.h5 test.h5 --labels labels
        tensorferry predict model.h5 features.npy -o predictions.h5
      """)

  @Argument(help: "The model file, or any weight file that 'import' would take.")
  var model: String

  @Argument(help: "The file with the features.")
  var inputs: String

  @Option(name: .shortAndLong, help: "Write logits, classes and attention_weights to this HDF5 file.")
  var output: String?

  @Option(help: "The name of the features in the file; 'x', or the only tensor, if it is not given.")
  var input: String?

  @Option(help: "The name of the labels in the file, or an .npy file; prints the accuracy.")
  var labels: String?

  @Flag(help: "Replace the output if it exists.")
  var force = false

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var answer: JSONOptions

  func run() throws {
    try answer.reporting {
      let model = try weights.model(model)
      let file = try weights.input.open(inputs)
      let features = try inputTensor(in: file)
      let stages = try model.run(["x": features])
      let classes = try AttentionClassifier.classes(of: result("output", of: stages))
      let correct = try labels.map { try count(classes, equalTo: labelTensor($0, in: file)) }
      if let output { try write(stages, classes: classes, to: output) }
      answer.print(json(classes, correct), text: text(classes, correct))
    }
  }

  private func inputTensor(in file: StateDict) throws -> Tensor {
    let name = input ?? (file["x"] != nil ? "x" : file.count == 1 ? file.names[0] : nil)
    guard let name, let tensor = file[name] else {
      try file.checkComplete()
      throw WeightFileError(
        .malformed,
        "the features are not found: the file holds \(file.names.joined(separator: ", ").escapedForDisplay); --input names one",
        file: inputs, tensor: input)
    }
    return try tensor.read()
  }

  /// The labels by their name in the inputs' file, or the only array of an .npy file.
  private func labelTensor(_ name: String, in file: StateDict) throws -> [Int64] {
    if let tensor = file[name] { return try tensor.read().integers() }
    guard name.hasSuffix(".npy") else {
      throw WeightFileError(
        .malformed, "the labels are not found: the file holds \(file.names.joined(separator: ", ").escapedForDisplay)",
        file: inputs, tensor: name)
    }
    return try weights.input.open(name)[0].tensor.read().integers()
  }

  private func count(_ classes: [Int], equalTo labels: [Int64]) throws -> Int {
    guard labels.count == classes.count else {
      throw WeightFileError(
        .malformed, "there are \(labels.count) labels for \(classes.count) samples", file: inputs, tensor: self.labels)
    }
    return zip(classes, labels).count { Int64($0) == $1 }
  }

  private func result(_ stage: String, of stages: [String: Tensor]) throws -> Tensor {
    guard let tensor = stages[stage] else {
      throw TensorError(.outOfRange, "the model has no stage '\(stage)'", file: model)
    }
    return tensor
  }

  private func write(_ stages: [String: Tensor], classes: [Int], to path: String) throws {
    var predictions = StateDict()
    try predictions.append("logits", LazyTensor(result("output", of: stages)))
    try predictions.append("classes", LazyTensor(Tensor(classes.map(Int64.init), shape: Shape([classes.count]))))
    try predictions.append("attention_weights", LazyTensor(result("attention_weights", of: stages)))
    try predictions.write(path: path, format: .hdf5(attributes: [("producer", Version.producer)]), replacing: force)
  }

  private func json(_ classes: [Int], _ correct: Int?) -> JSONValue {
    [
      "schema": "tensorferry.predict/1", "model": .string(model), "inputs": .string(inputs),
      "samples": JSONValue(classes.count), "classes": .array(classes.map { JSONValue($0) }),
      "correct": correct.map { JSONValue($0) } ?? nil,
      "accuracy": correct.map { .number(Double($0) / Double(max(classes.count, 1))) } ?? nil,
      "output": JSONValue(output),
    ]
  }

  private func text(_ classes: [Int], _ correct: Int?) -> String {
    var lines = [
      "\(classes.count) samples, classes: \(classes.prefix(20).map(String.init).joined(separator: " "))\(classes.count > 20 ? " ..." : "")"
    ]
    if let correct {
      let percent = (Double(correct) / Double(max(classes.count, 1)) * 10_000).rounded() / 100
      lines.append("accuracy \(correct)/\(classes.count) (\(percent) %)")
    }
    if let output { lines.append("wrote \(output.escapedForDisplay)") }
    return lines.joined(separator: "\n")
  }
}

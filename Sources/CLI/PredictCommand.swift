internal import ArgumentParser
internal import TensorFerry

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Runs the model on inputs and writes logits and classes, or what it computes, and attention weights.",
    discussion: """
      Features are float32 of shape [samples, size] or [samples, positions, size], in an .h5 or .npy file. A model with
      several inputs finds each by its name in the file; a mask of type BOOL may be left out.

      The folded engine computes the same function in fewer operations and gives no attention weights; it is refused if
      its results for these inputs are not within what rounding may do to the model's own.

      EXAMPLES
        tensorferry predict model.h5 test.h5 --labels labels
        tensorferry predict model.h5 features.npy -o predictions.h5
        tensorferry predict encoder.h5 padded.safetensors -o predictions.h5
      """)

  @Argument(help: "The model file, or any weight file that 'import' would take.")
  var model: String

  @Argument(help: "The file with the features.")
  var inputs: String

  @Option(name: .shortAndLong, help: "Write logits and classes, or output, and attention_weights to this HDF5 file.")
  var output: String?

  @Option(help: "The name of the first input in the file; that of the model, or the only tensor, if it is not given.")
  var input: String?

  @Option(help: "The name of the labels in the file, or an .npy file; prints the accuracy.")
  var labels: String?

  @Option(help: "How to compute: faithful, stage by stage as PyTorch does, or folded, in one pass.")
  var engine = EngineChoice.faithful

  @Flag(help: "Replace the output if it exists.")
  var force = false

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var answer: JSONOptions

  func run() throws {
    try answer.reporting {
      let model = try weights.open(model).model(mapsFile: true)
      let file = try weights.input.open(inputs)
      let given = try inputTensors(model.graph.inputs, in: file)
      let (stages, certificate) = try engine.run(model, given)
      let prediction = try Prediction(of: model, stages)
      let correct = try labels.map { try count(prediction, equalTo: labelTensor($0, in: file)) }
      if let output {
        Leftovers.tell(beside: output)
        try prediction.write(path: output, replacing: force)
      }
      let absent = model.graph.inputs.map(\.name).filter { given[$0] == nil }
      answer.print(json(prediction, correct, certificate), text: text(prediction, correct, absent, certificate))
    }
  }

  /// The inputs by their names in the file; those that may be absent only if they are there.
  private func inputTensors(_ specs: [InputSpec], in file: StateDict) throws -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for (index, spec) in specs.enumerated() {
      var name: String? = file[spec.name] != nil ? spec.name : nil
      if index == 0 { name = input ?? name ?? (file.count == 1 ? file.names[0] : nil) }
      if let name, let tensor = file[name] {
        tensors[spec.name] = try tensor.read()
      } else {
        // What cannot be read must not pass for what is not there.
        try file.checkComplete()
        if spec.mayBeAbsent { continue }
        throw WeightFileError(
          .malformed,
          "the model's input '\(spec.name)' is not found: the file holds "
            + "\(file.names.joined(separator: ", ").escapedForDisplay)\(index == 0 ? "; --input names one" : "")",
          file: inputs, tensor: index == 0 ? input : nil)
      }
    }
    return tensors
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

  private func count(_ prediction: Prediction, equalTo labels: [Int64]) throws -> Int {
    guard let classes = prediction.classes else {
      throw WeightFileError(
        .malformed, "the model gives no classes that labels could be compared with", file: model, tensor: self.labels)
    }
    guard labels.count == classes.count else {
      throw WeightFileError(
        .malformed, "there are \(labels.count) labels for \(classes.count) samples", file: inputs, tensor: self.labels)
    }
    return zip(classes, labels).count { Int64($0) == $1 }
  }

  private func json(_ prediction: Prediction, _ correct: Int?, _ certificate: FoldingCertificate?) -> JSONValue {
    [
      "schema": "tensorferry.predict/1", "model": .string(model), "inputs": .string(inputs),
      "samples": JSONValue(prediction.sampleCount),
      "classes": prediction.classes.map { .array($0.map { JSONValue($0) }) } ?? nil,
      "correct": correct.map { JSONValue($0) } ?? nil,
      "accuracy": correct.map { .number(Double($0) / Double(max(prediction.sampleCount, 1))) } ?? nil,
      "output": JSONValue(output),
      "engine": .string(engine.rawValue),
      "utilisation": certificate.map { .number($0.utilisation) } ?? nil,
    ]
  }

  private func text(
    _ prediction: Prediction, _ correct: Int?, _ absent: [String], _ certificate: FoldingCertificate?
  ) -> String {
    let count = prediction.sampleCount
    var lines = absent.map { "\($0) is not in the file: nothing is ignored" }
    if let classes = prediction.classes {
      let shown = classes.prefix(20).map(String.init).joined(separator: " ")
      lines.append("\(count) samples, classes: \(shown)\(count > 20 ? " ..." : "")")
    } else {
      lines.append("\(count) samples, output \(prediction.result.shape)")
    }
    if let correct {
      let percent = (Double(correct) / Double(max(count, 1)) * 10_000).rounded() / 100
      lines.append("accuracy \(correct)/\(count) (\(percent) %)")
    }
    if let certificate {
      lines.append(
        "folded engine: \(certificate.compared) values, all within what rounding may do to the model's own "
          + "(at most \((certificate.utilisation * 1e6).rounded() / 1e6) of it)")
    }
    if let output { lines.append("wrote \(output.escapedForDisplay)") }
    return lines.joined(separator: "\n")
  }
}

import Foundation
import TensorFerryModels
import TensorFerryOperators
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite("the registry of models")
struct ModelRegistryTests {
  @Test("every model has a folder and a line")
  func folders() throws {
    let folder = Project.root.appending(path: "Sources/Models")
    let names = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: [.isDirectoryKey])
      .filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true }.map(\.lastPathComponent)
    #expect(names.sorted() == ModelRegistry.all.map { "\($0)" }.sorted())
  }

  @Test("a model is found by its name and version, which no two share")
  func lookup() {
    for model in ModelRegistry.all { #expect(ModelRegistry.model(model.id) == model) }
    #expect(ModelRegistry.model("AttentionClassifier/2") == nil)
  }

  @Test("a model is made from the configuration in a file")
  func make() throws {
    let type = try #require(ModelRegistry.model("AttentionClassifier/1"))
    let configuration = try JSONValue(parsing: #"{"input_size":7,"hidden_size":5,"num_classes":3}"#)
    let model = try type.make(configuration: configuration, parameters: AttentionClassifierTests.parameters())
    #expect(model.graph.parameters.map(\.name) == AttentionClassifier.names)
    #expect((model as? AttentionClassifier)?.configuration.json == configuration)
  }

  @Test("a self-attention is made from the configuration in a file", arguments: [true, false])
  func makeSelfAttention(scaled: Bool) throws {
    let model = try SelfAttention.make(configuration: JSONValue(parsing: "{\"scaled\":\(scaled)}"), parameters: [:])
    #expect(model.configuration == SelfAttention.Configuration(scaled: scaled))
    #expect(model.configuration.json.text() == "{\"scaled\":\(scaled)}")
  }
}

extension AttentionClassifier {
  fileprivate static let names = [
    "fc.weight", "fc.bias", "attention.weight", "attention.bias", "classifier.weight", "classifier.bias",
  ]
}

import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Files of torch.save, safetensors and h5py, through the command, for models beyond the first.
@Suite struct TransformerCommandTests {
  @Test("attentions and transformers from three formats are imported, and verified with what the import noted")
  func importAndVerify() throws {
    try withTemporaryDirectory { directory in
      try python(
        script: Project.fixture("parity/attention_pairs.py"), [directory.path, "--count", "24", "--seed", "3"])
      let path = { (name: String) in directory.appending(path: name).path }
      let pairs = try JSONValue(parsing: [UInt8](Data(contentsOf: directory.appending(path: "pairs.json"))))
      #expect(pairs.array?.count == 24)
      for pair in pairs.array ?? [] {
        let weights = path(try #require(pair["weights"]?.string))
        let reference = path(try #require(pair["reference"]?.string))
        let options = try #require(pair["options"]).text()
        let imported = try tensorferry(
          "import", weights, "-o", path("model.h5"), "--force", "--configuration", options, "--json")
        #expect(imported.status == 0, "\(imported.errors)")
        #expect(try imported.json["model"] == pair["model"])
        let verified = try tensorferry("verify", path("model.h5"), reference, "--json")
        #expect(verified.status == 0, "\(pair.text()): \(verified.output)\(verified.errors)")
        #expect(try ["TYPICAL", "IDENTICAL"].contains(verified.json["verdict"]?.string))
        #expect(try verified.json["configuration_from_reference"]?.members == [])
      }
    }
  }

  /// Weights without configuration, `reference.h5`, and `inputs.h5` with what the model returned.
  private func export(to directory: URL) throws {
    try python(
      """
      import sys, torch, h5py, numpy as np, tensorferry
      torch.manual_seed(4)
      model = tensorferry.TransformerClassifier(12, 3, 20, 2, 5, activation='gelu', final_norm=True).eval()
      x, mask = torch.randn(4, 7, 12), torch.zeros(4, 7, dtype=torch.bool)
      mask[0, -3:] = True
      torch.save(model.state_dict(), sys.argv[1] + '/weights.pt')
      tensorferry.save(model, sys.argv[1] + '/model.h5')
      tensorferry.record(model, (x, mask), sys.argv[1] + '/reference.h5')
      with torch.no_grad(), h5py.File(sys.argv[1] + '/inputs.h5', 'w') as f:
          f['x'], f['padding_mask'] = x.numpy(), mask.numpy()
          f['labels'], f['logits'] = model(x, mask).argmax(1).numpy(), model(x, mask).numpy()
      attention = torch.nn.MultiheadAttention(12, 3, batch_first=True)
      torch.save(attention.state_dict(), sys.argv[1] + '/attention.pt')
      with torch.no_grad(), h5py.File(sys.argv[1] + '/attend.h5', 'w') as f:
          q, k = torch.randn(2, 5, 12), torch.randn(2, 7, 12)
          f['query'], f['key'], f['value'] = q.numpy(), k.numpy(), k.numpy()
          f['output'] = attention.eval()(q, k, k)[0].numpy()
      """, [directory.path])
  }

  @Test("what nothing else tells is taken from the reference by verify, which says so")
  func fromReference() throws {
    try withTemporaryDirectory { directory in
      try export(to: directory)
      let path = { (name: String) in directory.appending(path: name).path }
      let text = try tensorferry("verify", path("weights.pt"), path("reference.h5"))
      #expect(text.status == 0, "\(text.output)\(text.errors)")
      #expect(
        text.output.contains("from the reference, because nothing else tells it: num_heads 3, activation \"gelu\""))
      let json = try tensorferry("verify", path("weights.pt"), path("reference.h5"), "--json")
      #expect(try json.json["configuration_from_reference"]?["num_heads"]?.int == 3)
      let other = try tensorferry(
        "verify", path("weights.pt"), path("reference.h5"), "--configuration", "{\"activation\": \"relu\"}", "--json")
      #expect(other.status == 1)
      let first = try other.json["stages"]?.array?.first { $0["verdict"]?.string == "MISMATCH_PROVEN" }
      #expect(first?["name"]?.string == "encoder.layers.0.activation")
    }
  }

  @Test("a missing number of heads is told by import, with how to give it, and nothing is written")
  func missingHeads() throws {
    try withTemporaryDirectory { directory in
      try export(to: directory)
      let path = { (name: String) in directory.appending(path: name).path }
      let ran = try tensorferry("import", path("weights.pt"), "-o", path("out.h5"))
      #expect(ran.status == 2 && ran.errors.contains("--configuration '{\"num_heads\": ...}'"), "\(ran.errors)")
      #expect(!FileManager.default.fileExists(atPath: path("out.h5")))
      let json = try tensorferry("import", path("weights.pt"), "-o", path("out.h5"), "--json")
      #expect(try json.json["problems"]?.array?.map { $0["parameter"] } == ["num_heads"])
      try Data("{\"num_heads\": 3}".utf8).write(to: directory.appending(path: "options.json"))
      let given = try tensorferry(
        "import", path("weights.pt"), "-o", path("out.h5"), "--configuration", path("options.json"))
      #expect(given.status == 0, "\(given.errors)")
      #expect(given.output.contains("assumed activation \"relu\", norm_first false, layer_norm_eps 1e-05"))
    }
  }

  @Test("a model, a configuration or a model's name that does not fit is refused")
  func refusals() throws {
    try withTemporaryDirectory { directory in
      try export(to: directory)
      let path = { (name: String) in directory.appending(path: name).path }
      func failure(_ arguments: String...) throws -> Completed {
        try run(Project.command, ["import", path("weights.pt"), "-o", path("out.h5")] + arguments)
      }
      let unknown = try failure("--model", "Nothing")
      #expect(unknown.status == 64 && unknown.errors.contains("TransformerClassifier/1"), "\(unknown.errors)")
      let text = try failure("--configuration", "{num_heads}")
      #expect(text.status == 64, "\(text.errors)")
      let array = try failure("--configuration", path("nowhere.json"))
      #expect(array.status == 64, "\(array.errors)")
      let other = try failure("--model", "AttentionClassifier")
      #expect(other.status == 2 && other.errors.contains("fc.weight"), "\(other.errors)")
    }
  }

  @Test("predict takes inputs by name, and gives logits and classes, or the output, with attention weights")
  func predict() throws {
    try withTemporaryDirectory { directory in
      try export(to: directory)
      let path = { (name: String) in directory.appending(path: name).path }
      let ran = try tensorferry(
        "predict", path("model.h5"), path("inputs.h5"), "--labels", "labels", "-o", path("out.h5"), "--json")
      #expect(ran.status == 0, "\(ran.errors)")
      #expect(try ran.json["correct"]?.int == 4 && ran.json["samples"]?.int == 4)
      let attended = try tensorferry(
        "predict", path("attention.pt"), path("attend.h5"), "-o", path("attended.h5"), "--configuration",
        "{\"num_heads\": 3}", "--json")
      #expect(attended.status == 0, "\(attended.errors)")
      #expect(try attended.json["classes"] == .null && attended.json["samples"]?.int == 2)
      let labels = try tensorferry(
        "predict", path("attention.pt"), path("attend.h5"), "--labels", "query", "--configuration", "{\"num_heads\": 3}"
      )
      #expect(labels.status == 2, "\(labels.output)")
      let missing = try tensorferry(
        "predict", path("attention.pt"), path("inputs.h5"), "--configuration", "{\"num_heads\": 3}")
      #expect(missing.status == 2 && missing.errors.contains("'query'"), "\(missing.errors)")
      try python(
        """
        import sys, h5py, numpy as np
        root = sys.argv[1]
        with h5py.File(root + '/out.h5') as out, h5py.File(root + '/inputs.h5') as f:
            assert np.abs(out['logits'][...] - f['logits'][...]).max() < 1e-5
            weights = out['attention_weights'][...]
            assert weights.shape == (4, 7, 1) and (weights[0, -3:] == 0).all()
            assert np.abs(weights.sum(1) - 1).max() < 1e-5
        with h5py.File(root + '/attended.h5') as out, h5py.File(root + '/attend.h5') as f:
            assert set(out) == {'output', 'attention_weights'}
            assert np.abs(out['output'][...] - f['output'][...]).max() < 1e-5
            assert out['attention_weights'].shape == (2, 3, 5, 7)
        """, [directory.path])
    }
  }
}

import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// What `verify` proves of parameters that no output shows, or that were exchanged on the way.
@Suite struct VerifyIdentityTests {
  /// The vector form of the article: one position, so that the softmax gives 1 whatever it is given.
  @Test("in the article's vector form the attention influences no output, and is proven at its stage all the same")
  func vectorForm() throws {
    try withTemporaryDirectory { directory in
      let path = { (name: String) in directory.appending(path: name).path }
      try python(
        """
        import sys, torch, tensorferry
        torch.manual_seed(14)
        model = tensorferry.AttentionClassifier(9, 6, 4)
        tensorferry.save(model, sys.argv[1] + '/model.h5')
        tensorferry.record(model, torch.randn(5, 9), sys.argv[1] + '/reference.h5')
        with torch.no_grad():
            model.attention.weight[0, 2] = torch.nextafter(model.attention.weight[0, 2], torch.tensor(2.0))
        tensorferry.save(model, sys.argv[1] + '/off.h5')
        """, [directory.path])
      let clean = try tensorferry("verify", path("model.h5"), path("reference.h5"), "--json")
      #expect(clean.status == 0, "\(clean.errors)")
      let report = try clean.json
      let parts = report["coverage"]?["parts"]?.array ?? []
      #expect(parts.count == 6)
      let invisible = parts.filter { $0["influences_output"]?.bool == false }
      #expect(invisible.map { $0["parameter"]?.string } == ["attention.weight", "attention.bias"])
      for part in invisible {
        #expect(part["stage"]?.string == "attention_scores")
        #expect(part["certificate"]?.string == "weights")
        #expect(part["exposed"] == part["within_ulp"] && (part["exposed"]?.int ?? 0) > 0)
      }
      let proven = (report["identity"]?.array ?? []).filter {
        $0["parameter"]?.string?.hasPrefix("attention.") == true
      }
      #expect(proven.map { $0["proven"]?.int } == [6, 1])
      let text = try tensorferry("verify", path("model.h5"), path("reference.h5")).output
      #expect(text.contains("  not seen in the output: attention.weight, attention.bias: softmax in stage"))
      // One unit in the last place of a weight that no output shows.
      let off = try tensorferry("verify", path("off.h5"), path("reference.h5"), "--json")
      #expect(off.status == 1)
      let wrong = try #require(try off.json["identity"]?.array?.first { $0["different"]?.int == 1 })
      #expect(wrong["parameter"]?.string == "attention.weight")
      #expect(wrong["first_difference"]?["at"]?.array?.compactMap(\.int) == [0, 2])
      #expect(try off.json["first_divergence"]?.string == "attention_scores")
    }
  }

  /// Two tensors of one shape, and a mapping file that takes each for the other.
  @Test("a mapping that swaps two tensors of one shape is caught, with their names")
  func swapped() throws {
    try withTemporaryDirectory { directory in
      let path = { (name: String) in directory.appending(path: name).path }
      try python(
        """
        import sys, torch, tensorferry
        root = sys.argv[1]
        torch.manual_seed(15)
        model = tensorferry.TransformerClassifier(8, 2, 8, 1, 3)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter)
        torch.save(model.state_dict(), root + '/weights.pt')
        tensorferry.record(model, torch.randn(2, 5, 8), root + '/reference.h5')
        for name, rules in {
            'right': '',
            'swapped': '{to: "{a...}.linear1.weight", from: "{a...}.linear2.weight"}, '
                       '{to: "{a...}.linear2.weight", from: "{a...}.linear1.weight"}, ',
        }.items():
            with open(f'{root}/{name}.yaml', 'w') as f:
                print('mapping: tensorferry.mapping/1\\nrules: [' + rules + '{keep: "**"}]', file=f)
        """, [directory.path])
      func verify(_ mapping: String) throws -> Completed {
        try tensorferry(
          "verify", path("weights.pt"), path("reference.h5"), "--map", path(mapping), "--json")
      }
      let right = try verify("right.yaml")
      #expect(right.status == 0, "\(right.output)\(right.errors)")
      #expect(try right.json["identity"]?.array?.allSatisfy { $0["different"]?.int == 0 } == true)
      let swapped = try verify("swapped.yaml")
      #expect(swapped.status == 1, "\(swapped.errors)")
      let wrong = try (swapped.json["identity"]?.array ?? []).filter { ($0["different"]?.int ?? 0) > 0 }
      #expect(
        wrong.map { $0["parameter"]?.string } == [
          "encoder.layers.0.linear1.weight", "encoder.layers.0.linear2.weight",
        ])
      #expect(wrong.allSatisfy { $0["different"]?.int == 64 })
      #expect(try swapped.json["first_divergence"]?.string == "encoder.layers.0.linear1")
    }
  }
}

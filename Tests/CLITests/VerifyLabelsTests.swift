import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// The accuracy that `verify` tells on both sides.
@Suite struct VerifyLabelsTests {
  /// A trained classifier of 7-5-3 with references of 12 and 8 samples, and what PyTorch's accuracy is.
  private func export(to directory: URL) throws -> JSONValue {
    let text = try python(
      """
      import sys, json, h5py, numpy as np, torch, tensorferry
      root = sys.argv[1]
      torch.set_num_threads(1)
      torch.manual_seed(8)
      model = tensorferry.AttentionClassifier(7, 5, 3)
      x, y = torch.randn(20, 4, 7), torch.randint(3, (20,))
      optimiser = torch.optim.Adam(model.parameters(), lr=5e-2)
      for _ in range(15):
          optimiser.zero_grad()
          torch.nn.functional.cross_entropy(model(x), y).backward()
          optimiser.step()
      tensorferry.save(model, root + '/model.h5')
      cases = [(x[:12], y[:12]), (x[12:], y[12:])]
      tensorferry.record(model, cases, root + '/labelled.h5', labels=True)
      tensorferry.record(model, cases, root + '/plain.h5')
      np.save(root + '/labels.npy', y.numpy())
      np.save(root + '/short.npy', y[:19].numpy())
      np.save(root + '/negative.npy', torch.cat([y[:19], torch.tensor([-1])]).numpy())
      np.save(root + '/large.npy', torch.cat([torch.tensor([3]), y[1:]]).numpy())
      np.save(root + '/real.npy', y.float().numpy())
      with h5py.File(root + '/test.h5', 'w') as f:
          f['x'], f['labels'] = x.numpy(), y.int().numpy()
      with h5py.File(root + '/other.h5', 'w') as f:
          f['x'], f['y'] = x.numpy(), y.numpy()
      swapped = tensorferry.AttentionClassifier(7, 5, 3)
      swapped.load_state_dict(model.state_dict())
      with torch.no_grad():
          for parameter in swapped.classifier.parameters():
              parameter.copy_(parameter.roll(1, 0))
      tensorferry.save(swapped, root + '/swapped.h5')
      attention = torch.nn.MultiheadAttention(6, 2, batch_first=True)
      q = torch.randn(2, 3, 6)
      tensorferry.save(attention, root + '/attention.h5')
      tensorferry.record(attention, (q, q, q), root + '/attended.h5')
      with torch.no_grad():
          right = [int((net(x).argmax(1) == y).sum()) for net in (model, swapped)]
      print(json.dumps({"right": right[0], "swapped": right[1]}))
      """, [directory.path])
    return try JSONValue(parsing: text.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  @Test("labels in the reference, in an .npy file or in the file of the inputs give PyTorch's accuracy on both sides")
  func accuracy() throws {
    try withTemporaryDirectory { directory in
      let right = try #require(try export(to: directory)["right"]?.int)
      #expect((8...19).contains(right))
      let path = { (name: String) in directory.appending(path: name).path }
      let answers = [
        try tensorferry("verify", path("model.h5"), path("labelled.h5"), "--json"),
        try tensorferry("verify", path("model.h5"), path("plain.h5"), "--labels", path("labels.npy"), "--json"),
        try tensorferry("verify", path("model.h5"), path("plain.h5"), "--labels", path("test.h5"), "--json"),
      ]
      for answer in answers {
        #expect(answer.status == 0, "\(answer.errors)")
        let decisions = try #require(try answer.json["decisions"])
        let accuracy = try #require(decisions["accuracy"])
        #expect(accuracy["labels"]?.int == 20)
        #expect(accuracy["reference"]?.int == right && accuracy["ours"]?.int == right)
        #expect(accuracy["disagreeing"]?.int == 0)
        #expect(decisions["equal"]?.int == 20)
        #expect(accuracy["certified"]?.int == right && accuracy["certified_wrong"]?.int == 20 - right)
      }
      let text = try tensorferry("verify", path("model.h5"), path("labelled.h5")).output
      let share = "\((Double(right) / 20 * 1000).rounded() / 10) % (\(right)/20)"
      #expect(
        text.contains(
          "accuracy  reference \(share), ours \(share); no sample differs; certified \(right) right, \(20 - right) wrong"
        ), "\(text)")
      #expect(text.split(separator: "\n").count <= 25)
      let plain = try tensorferry("verify", path("model.h5"), path("plain.h5"), "--json")
      #expect(try plain.json["decisions"]?["accuracy"] == .null)
    }
  }

  @Test("a model that is not the reference's has its own accuracy, and the samples that differ are counted")
  func otherModel() throws {
    try withTemporaryDirectory { directory in
      let right = try export(to: directory)
      let path = { (name: String) in directory.appending(path: name).path }
      let ran = try tensorferry("verify", path("swapped.h5"), path("labelled.h5"), "--json")
      #expect(ran.status == 1)
      let decisions = try #require(try ran.json["decisions"])
      #expect(decisions["different"]?.int == 20 && decisions["disagreeing"]?.int == 20)
      #expect(decisions["accuracy"]?["reference"] == right["right"])
      #expect(decisions["accuracy"]?["ours"] == right["swapped"])
      #expect(decisions["accuracy"]?["certified"]?.int == 0)
      let text = try tensorferry("verify", path("swapped.h5"), path("labelled.h5")).output
      #expect(text.contains("; 20 samples differ; "))
    }
  }

  static let refused = [
    ("short.npy", "there are 19 labels for 20 samples"),
    ("negative.npy", "label -1 of sample 7 is none of the classes 0 to 2 (tensor 'cases.0001.labels')"),
    ("large.npy", "label 3 of sample 0 is none of the classes 0 to 2 (tensor 'cases.0000.labels')"),
    ("real.npy", "F32"),
    ("other.h5", "the labels are not found: the file holds x, y"),
  ]

  @Test("labels that do not fit are refused, with both numbers, and so are labels for what is no classifier")
  func refusals() throws {
    try withTemporaryDirectory { directory in
      _ = try export(to: directory)
      let path = { (name: String) in directory.appending(path: name).path }
      for (file, reason) in Self.refused {
        let ran = try tensorferry("verify", path("model.h5"), path("plain.h5"), "--labels", path(file))
        #expect(ran.status == 2)
        #expect(ran.errors.contains(reason), "\(ran.errors)")
      }
      let attention = try tensorferry(
        "verify", path("attention.h5"), path("attended.h5"), "--labels", path("labels.npy"))
      #expect(attention.status == 2 && attention.errors.contains("the model gives no classes"), "\(attention.errors)")
    }
  }
}

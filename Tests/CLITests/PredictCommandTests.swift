import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct PredictCommandTests {
  private struct Expected: Decodable {
    let classes: [Int]
    let correct: Int
    let total: Int
  }

  @Test(
    "every class of the held-out split is the one that PyTorch predicts, and so is the accuracy",
    arguments: ["vector", "positions"])
  func classes(form: String) throws {
    let folder = Project.fixture("models/attention-classifier/" + form)
    let expected = try JSONDecoder().decode(
      Expected.self, from: Data(contentsOf: folder.appending(path: "expected.json")))
    let weights = folder.appending(path: "weights.h5").path
    let ran = try tensorferry(
      "predict", weights, folder.appending(path: "test.h5").path, "--labels", "labels", "--json")
    #expect(ran.status == 0, "\(ran.errors)")
    #expect(try ran.json["classes"]?.array?.compactMap(\.int) == expected.classes)
    #expect(try ran.json["correct"]?.int == expected.correct)
    let text = try tensorferry("predict", weights, folder.appending(path: "test.h5").path, "--labels", "labels")
    #expect(text.output.contains("accuracy \(expected.correct)/\(expected.total)"))
  }

  @Test(
    "features and labels from .npy files, in C and Fortran order and both byte orders, give the same",
    arguments: ["<f4", ">f4", "F"])
  func npy(variant: String) throws {
    let folder = Project.fixture("models/attention-classifier/positions")
    let weights = folder.appending(path: "weights.h5").path
    try withTemporaryDirectory { directory in
      let path = { (name: String) in directory.appending(path: name).path }
      try python(
        """
        import sys, h5py, numpy as np
        with h5py.File(sys.argv[1]) as f:
            x, labels = f['x'][...], f['labels'][...]
        x = np.asfortranarray(x) if sys.argv[4] == 'F' else x.astype(sys.argv[4])
        np.save(sys.argv[2], x); np.save(sys.argv[3], labels)
        """, [folder.appending(path: "test.h5").path, path("features.npy"), path("labels.npy"), variant])
      let ran = try tensorferry(
        "predict", weights, path("features.npy"), "--labels", path("labels.npy"), "-o", path("out.h5"), "--json")
      #expect(ran.status == 0, "\(ran.errors)")
      let reference = try tensorferry(
        "predict", weights, folder.appending(path: "test.h5").path, "--labels", "labels", "--json")
      #expect(try ran.json["classes"] == reference.json["classes"] && ran.json["correct"] == reference.json["correct"])
      // h5py and PyTorch read the output: logits near torch's own, weights that sum to 1.
      try python(
        """
        import sys, h5py, torch, tensorferry, numpy as np
        with h5py.File(sys.argv[1]) as f:
            state = {k: torch.from_numpy(v[...]) for k, v in f.items()}
        model = tensorferry.AttentionClassifier.from_state_dict(state)
        with h5py.File(sys.argv[2]) as f:
            logits = model(torch.from_numpy(np.ascontiguousarray(np.load(sys.argv[3]).astype('<f4')))).detach().numpy()
            assert f['logits'].shape == logits.shape and np.abs(f['logits'][...] - logits).max() < 1e-3
            assert (f['classes'][...] == logits.argmax(1)).all()
            assert np.abs(f['attention_weights'][...].sum(1) - 1).max() < 1e-5
        """, [weights, path("out.h5"), path("features.npy")])
    }
  }

  @Test("what cannot be predicted is told: a missing name, another number of labels, features of other sizes")
  func refuses() throws {
    let folder = Project.fixture("models/attention-classifier/")
    let weights = folder.appending(path: "vector/weights.h5").path
    let inputs = folder.appending(path: "vector/test.h5").path
    let missing = try tensorferry("predict", weights, inputs, "--input", "nothing")
    #expect(
      missing.status == 2 && missing.errors.contains("labels, ") && missing.errors.contains("'nothing'"),
      "\(missing.errors)")
    let wrongLabels = try tensorferry("predict", weights, inputs, "--labels", "x")
    #expect(wrongLabels.status == 2, "\(wrongLabels.errors)")
    try withTemporaryDirectory { directory in
      let features = directory.appending(path: "features.npy").path
      try python("import sys, numpy as np; np.save(sys.argv[1], np.zeros((3, 65), np.float32))", [features])
      let sizes = try tensorferry("predict", weights, features)
      #expect(sizes.status == 2 && sizes.errors.contains("65") && sizes.errors.contains("64"), "\(sizes.errors)")
    }
  }
}

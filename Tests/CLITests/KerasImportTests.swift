import Foundation
import TensorFerryTestSupport
import Testing

/// An attention classifier that Keras holds, brought into Swift without a mapping file.
@Suite struct KerasImportTests {
  private let script = """
    import os, sys, warnings, logging
    os.environ["KERAS_BACKEND"] = "torch"
    warnings.filterwarnings("ignore"); logging.disable(logging.WARNING)
    import keras, torch, tensorferry
    from keras.src.legacy.saving import legacy_h5_format
    import h5py
    keras.utils.set_random_seed(8)
    x = keras.Input((9, 7))
    h = keras.layers.Dense(5, name="fc")(x)
    scores = keras.layers.Dense(1, name="attention")(h)
    weights = keras.layers.Softmax(axis=1, name="weights")(scores)
    pooled = keras.layers.Dot(axes=(1, 1), name="pool")([weights, h])
    model = keras.Model(x, keras.layers.Dense(3, name="classifier")(keras.layers.Flatten(name="flat")(pooled)))
    for layer in model.layers:
        layer.set_weights([w + 0.1 for w in layer.get_weights()])
    out = sys.argv[1]
    model.save(out + "/model.h5")
    model.save(out + "/model.keras")
    model.save_weights(out + "/model.weights.h5")
    with h5py.File(out + "/weights.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    twin = tensorferry.AttentionClassifier(7, 5, 3)
    with torch.no_grad():
        for name in ("fc", "attention", "classifier"):
            kernel, bias = model.get_layer(name).get_weights()
            getattr(twin, name).weight.copy_(torch.tensor(kernel).T)
            getattr(twin, name).bias.copy_(torch.tensor(bias))
    tensorferry.record(twin, torch.randn(4, 9, 7), out + "/reference.h5")
    """

  @Test("every file of Keras becomes the model, kernels transposed as declared, and is verified against PyTorch")
  func journeys() throws {
    try withTemporaryDirectory { directory in
      try python(script, [directory.path])
      let path = { (name: String) in directory.appending(path: name).path }
      for file in ["model.h5", "weights.h5", "model.keras", "model.weights.h5"] {
        let imported = try tensorferry("import", path(file), "-o", path("imported.h5"), "--force")
        #expect(imported.status == 0, "\(file): \(imported.errors)")
        #expect(imported.output.contains("mapping Keras's names and layout"))
        #expect(imported.output.contains("fc.weight") && imported.output.contains("<- fc.kernel"))
        let verified = try tensorferry("verify", path("imported.h5"), path("reference.h5"))
        #expect(verified.status == 0, "\(file): \(verified.output)\(verified.errors)")
      }
    }
  }
}

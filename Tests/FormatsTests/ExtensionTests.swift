import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct ExtensionTests {
  @Test(
    "a file under another format's extension is read by its content, and the extension is told",
    arguments: WritableFormat.pairs)
  func everyPair(pair: FormatPair) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "file." + pair.target.ending)
      var state = StateDict()
      try state.append("fc.weight", LazyTensor(Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])))
      try state.write(to: url, format: pair.source.format)
      let read = try StateDict(contentsOf: url)
      #expect(read.origin?.format == pair.source.description)
      #expect(try read["fc.weight"]?.read() == state["fc.weight"]?.read())
      let isContradiction = pair.source.description != pair.target.description
      #expect(read.origin?.contradictingFormat == (isContradiction ? pair.target.description : nil))
      #expect((read.origin?.contradiction != nil) == isContradiction)
    }
  }

  @Test(
    "extensions that name no format, or are none, are not told",
    arguments: ["file", "file.dat", "file.v1", ".h5x", "h5", "file.index.json"])
  func otherNames(name: String) {
    let origin = StateDict.Origin(path: "/some.h5/" + name, format: "npz", layout: nil, byteCount: 5)
    #expect(origin.contradictingFormat == nil)
  }

  @Test("extensions are compared without regard to case")
  func upperCase() {
    let origin = StateDict.Origin(path: "A.SafeTensors", format: "npz", layout: nil, byteCount: 5)
    #expect(origin.contradictingFormat == "safetensors")
  }
}

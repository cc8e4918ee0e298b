import Foundation
import TensorFerryTestSupport

/// Metadata of HDF5: in files of the old format any integer, in those of the new one a structure whose checksum is then
/// right.
struct HDF5Mutator {
  /// Where structures with a checksum lie in the seeds; inputs are made of these, so most still lie there.
  private let places: [Range<Int>]

  init(seeds: String) {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: seeds)) ?? []
    let contents = files.sorted().compactMap { FileManager.default.contents(atPath: seeds + "/" + $0).map(Array.init) }
    places = Array(Set(contents.flatMap { ChecksummedRegion.find(in: $0).map(\.range) })).sorted {
      ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound)
    }
  }

  func mutate(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8]? {
    let found = places.filter { ChecksummedRegion(range: $0).isIntact(in: bytes) }
    guard let place = found.randomElement(using: &random) else { return NumberMutator.mutate(bytes, &random) }
    var changed = bytes
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      changed = NumberMutator.replaced(changed, in: place.lowerBound + 4..<place.upperBound, &random) ?? changed
    }
    ChecksummedRegion(range: place).repair(&changed)
    return changed
  }
}

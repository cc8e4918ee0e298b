import Foundation

/// A file that is written anew for every input, in memory where the system has such files.
final class InputFile: Sendable {
  let path: String
  private let descriptor: Int32

  init() {
    let folder = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm/" : NSTemporaryDirectory()
    path = folder + "tensorferry-fuzz-\(UUID())"
    descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    precondition(descriptor >= 0, "cannot create \(path)")
  }

  deinit {
    close(descriptor)
    unlink(path)
  }

  func write(_ bytes: UnsafeBufferPointer<UInt8>) {
    precondition(ftruncate(descriptor, off_t(bytes.count)) == 0)
    precondition(pwrite(descriptor, bytes.baseAddress, bytes.count, 0) == bytes.count)
  }
}
